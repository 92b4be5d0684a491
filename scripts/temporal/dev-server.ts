/**
 * The embedded Temporal: `temporal server start-dev`, its history in one file, or in memory for tests. It ends with this process.
 */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { freePort } from '../processes/free-port.ts';
import { endPrevious, type LeashedProgram, startLeashed } from '../processes/leashed-program.ts';
import { dynamicConfig } from './dynamic-config.ts';
import { findTemporalCli } from './find-temporal-cli.ts';
import { searchAttributes } from './search-attributes.ts';

interface Ports {
  grpc: number;
  ui: number | undefined;
}

export interface TemporalDevServer {
  readonly address: string;
  readonly ports: Ports;
  /** Undefined when the server runs without its UI. */
  readonly uiUrl: string | undefined;
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface TemporalDevServerOptions {
  /** Without a file everything is lost at the end. */
  databaseFile?: string;
  preferredPort?: number;
  /** These ports and no others: of a server that is started again. */
  ports?: Ports | undefined;
  /** Without a port there is no UI. */
  preferredUiPort?: number;
}

const startTimeoutMs = 180_000; // A second by itself; a machine that does other things takes much longer.
const attempts = 5; // Ports found free may be taken a moment later, and a killed server's database file is locked until it is gone.

export async function startTemporalDevServer(options: TemporalDevServerOptions = {}): Promise<TemporalDevServer> {
  const cli = await findTemporalCli();
  const pidFile = options.databaseFile === undefined ? undefined : `${options.databaseFile}.pid`;
  if (pidFile) await endPrevious(pidFile);
  let failure = '';
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const ports = options.ports ?? (await choosePorts(options, attempt));
    const program = startLeashed({
      name: 'temporal',
      command: cli,
      args: serverArguments(options, ports),
      ...(pidFile ? { pidFile } : {}),
    });
    if (await becomesReady(program, ports.grpc)) {
      return {
        address: `127.0.0.1:${ports.grpc}`,
        ports,
        uiUrl: ports.ui === undefined ? undefined : `http://127.0.0.1:${ports.ui}`,
        ended: program.ended,
        stop: () => program.stop(),
      };
    }
    failure = program.tail();
    await program.stop();
    await delay(attempt * 300);
  }
  throw new Error(`The Temporal dev server did not start:\n${failure}`);
}

async function choosePorts(options: TemporalDevServerOptions, attempt: number): Promise<Ports> {
  const grpc = await freePort(attempt === 1 ? options.preferredPort : 0);
  if (options.preferredUiPort === undefined) return { grpc, ui: undefined };
  return { grpc, ui: await freePort(attempt === 1 ? options.preferredUiPort : 0, new Set([grpc])) };
}

function serverArguments(options: TemporalDevServerOptions, ports: Ports): string[] {
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(ports.grpc), '--log-level', 'error'];
  args.push(...(ports.ui === undefined ? ['--headless'] : ['--ui-port', String(ports.ui)]));
  if (options.databaseFile) args.push('--db-filename', options.databaseFile);
  for (const [name, type] of Object.entries(searchAttributes)) args.push('--search-attribute', `${name}=${type}`);
  for (const [key, value] of Object.entries(dynamicConfig)) args.push('--dynamic-config-value', `${key}=${JSON.stringify(value)}`);
  return args;
}

/**
 * The tool opens the port only after the server behind it is healthy and the namespace and search attributes are registered. That something listens there is not enough:
 * another program may have been quicker to take a port that was found free, and ours ends then.
 */
async function becomesReady(program: LeashedProgram, port: number): Promise<boolean> {
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline && !program.hasEnded()) {
    if ((await accepts(port)) && (await answers(port))) return true;
    await delay(50);
  }
  return false;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function answers(port: number): Promise<boolean> {
  try {
    const connection = await Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: '2 seconds' });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}
