import { type SupervisedProcess, supervise } from '../../scripts/processes/supervised-process.ts';
import type { BenchStack } from '../plan/bench-stack.ts';

export const topic = 'bench.events';

/** The product's relay, which publishes; Temporal is away. */
export function startRelay(stack: BenchStack, brokers: string): SupervisedProcess {
  return supervise({
    name: 'relay',
    entry: 'events/relay.ts',
    env: {
      LOG_LEVEL: 'error',
      EXEQUATUR_RELAY_DATABASE_URL: stack.relayUrl,
      EXEQUATUR_RELAY_METRICS_PORT: '0',
      EXEQUATUR_KAFKA_BROKERS: brokers,
      EXEQUATUR_KAFKA_TOPIC: topic,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    },
    onLine: (_, line) => console.log(line),
  });
}

/** Entries that are still to be looked through. */
export async function backlog({ superuser }: BenchStack): Promise<number> {
  const { rows } = await superuser.query<{ behind: number }>(
    `SELECT coalesce(sum(h.seq - coalesce(l.seq, 0)), 0)::float8 AS behind FROM exequatur.audit_head h LEFT JOIN exequatur.event_lane l ON l.tenant_id = h.tenant_id AND l.sink = 'kafka'`,
  );
  return rows[0]?.behind ?? 0;
}
