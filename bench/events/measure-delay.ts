import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { announceChange } from '../../store/announce-change.ts';
import { withTenant } from '../../store/sql.ts';
import type { BenchStack } from '../plan/bench-stack.ts';
import { backlog, startRelay, topic } from './relay-process.ts';

const warmUp = 100; // The first pass through connections and prepared statements.
const patienceMs = 30_000;
const probe = -1; // The turn of what is not measured, committed until it is heard.

/** Commits events at a constant rate, each in a transaction of its own, and takes the time from before each transaction to a consumer. */
export async function measureDelay(stack: BenchStack, brokers: string, { rate, seconds }: { rate: number; seconds: number }) {
  const kafka = new Kafka({ clientId: 'bench', brokers: [brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: 'bench', maxWaitTimeInMs: 100 });
  const sentAt = new Map<number, number>();
  const ms: number[] = [];
  let isHeard = false;
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: false });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const { delayTurn } = JSON.parse(String(message.value ?? '{}')) as { delayTurn?: number };
      isHeard ||= delayTurn === probe;
      const sent = delayTurn === undefined ? undefined : sentAt.get(delayTurn);
      if (sent !== undefined && delayTurn !== undefined && delayTurn >= warmUp) ms.push(performance.now() - sent);
    },
  });
  const relay = startRelay(stack, brokers);
  try {
    await untilCaughtUp(stack, () => isHeard);
    const total = warmUp + rate * seconds;
    const startedAt = performance.now();
    const running: Promise<unknown>[] = [];
    for (let turn = 0; turn < total; turn++) {
      const dueMs = startedAt + (turn * 1_000) / rate - performance.now();
      if (dueMs > 0) await sleep(dueMs);
      sentAt.set(turn, performance.now());
      running.push(commit(stack, turn));
    }
    await Promise.all(running);
    const until = Date.now() + patienceMs;
    while (ms.length < total - warmUp && Date.now() < until) await sleep(50);
    if (ms.length < total - warmUp) throw new Error(`${total - warmUp - ms.length} events did not arrive`);
    return { ms };
  } finally {
    await relay.stop();
    await consumer.disconnect();
  }
}

/** Until the relay has started and published what there was, and the consumer is in its group: it hears only what is published from then on. */
async function untilCaughtUp(stack: BenchStack, isHeard: () => boolean): Promise<void> {
  const until = Date.now() + patienceMs;
  while (!isHeard() || (await backlog(stack)) > 0) {
    if (Date.now() > until) throw new Error('the relay and the consumer have not caught up');
    if (!isHeard()) await commit(stack, probe);
    await sleep(100);
  }
}

function commit(stack: BenchStack, turn: number): Promise<void> {
  return withTenant(stack.api, stack.tenant, async (tx) =>
    announceChange(tx, {
      type: 'switch.changed',
      subject: `switch/${turn % 100}`,
      facts: { delayTurn: turn },
      personal: { actor: 'bench' },
    }),
  );
}
