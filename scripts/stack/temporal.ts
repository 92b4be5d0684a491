/** The stack's Temporal: the one TEMPORAL_ADDRESS names, else an embedded server with its history beside the other state, else the production server. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { keepServer } from '../processes/kept-server.ts';
import { startTemporalDevServer, type TemporalDevServer } from '../temporal/dev-server.ts';
import { registerNamespace, setRetention } from '../temporal/register-namespace.ts';
import { startTemporalServer } from '../temporal-server.ts';

export interface StackTemporal {
  address: string;
  namespace: string;
  taskQueue: string;
  uiUrl: string | undefined;
  ended: Promise<string>;
  stop(): Promise<void>;
}

export interface StackTemporalOptions {
  directory: string;
  server: 'dev' | 'production';
  postgresUrl: string;
  preferredPort?: number | undefined;
  preferredUiPort?: number | undefined;
}

const taskQueue = 'exequatur';

export async function openStackTemporal(options: StackTemporalOptions): Promise<StackTemporal> {
  const namespace = process.env.TEMPORAL_NAMESPACE || 'default';
  const external = process.env.TEMPORAL_ADDRESS;
  if (external) {
    await prepare(external, namespace);
    // Two checkouts may share the server; a worker of one must not be handed the other's proposals.
    const queue = `${taskQueue}-${createHash('sha256').update(options.directory).digest('hex').slice(0, 8)}`;
    return {
      address: external,
      namespace,
      taskQueue: queue,
      uiUrl: process.env.EXEQUATUR_TEMPORAL_UI_URL,
      ended: new Promise(() => {}),
      stop: async () => {},
    };
  }
  mkdirSync(options.directory, { recursive: true });
  if (options.server === 'production') {
    const server = await startTemporalServer({ postgresUrl: options.postgresUrl, directory: options.directory });
    return { ...server, namespace: 'default', taskQueue, uiUrl: undefined };
  }
  const server = await keepServer<TemporalDevServer>('Temporal', (former) =>
    startTemporalDevServer({
      databaseFile: join(options.directory, 'temporal.db'),
      ports: former?.ports,
      ...(options.preferredPort === undefined ? {} : { preferredPort: options.preferredPort }),
      ...(options.preferredUiPort === undefined ? {} : { preferredUiPort: options.preferredUiPort }),
    }),
  );
  await prepare(server.address, 'default', setRetention);
  return { ...server, namespace: 'default', taskQueue };
}

async function prepare(address: string, namespace: string, then: typeof setRetention = async () => {}): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '20s' });
  try {
    await registerNamespace(connection, namespace);
    await then(connection, namespace);
  } finally {
    await connection.close();
  }
}
