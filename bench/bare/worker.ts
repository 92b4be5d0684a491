import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import pg from 'pg';
import { type BareActivities, bareTaskQueue } from './bare.contract.ts';

/** The bare workflow's worker process: same SDK, same kind of pool, one insert. Environment: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, BARE_DATABASE_URL. */
const pool = new pg.Pool({ connectionString: process.env.BARE_DATABASE_URL, max: 20 });

const activities: BareActivities = {
  async simulate(id) {
    return `sha256:${id}`;
  },
  async execute(id) {
    const { rowCount } = await pool.query('INSERT INTO bare_execution (id) VALUES ($1) ON CONFLICT DO NOTHING', [id]);
    return rowCount ?? 0;
  },
};

const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS ?? '127.0.0.1:7233' });
const worker = await Worker.create({
  connection,
  namespace: process.env.TEMPORAL_NAMESPACE ?? 'default',
  taskQueue: bareTaskQueue,
  workflowsPath: fileURLToPath(new URL('./workflow.ts', import.meta.url)),
  activities: { ...activities },
});
process.once('SIGTERM', () => worker.shutdown());
await worker.run();
await pool.end();
await connection.close();
