import { setTimeout as sleep } from 'node:timers/promises';
import { announceChange } from '../../store/announce-change.ts';
import { withTenant } from '../../store/sql.ts';
import { peakResident } from '../ontology/resident-memory.ts';
import type { BenchStack } from '../plan/bench-stack.ts';
import { backlog, startRelay } from './relay-process.ts';

const each = 100; // Of one transaction while they gather, which is not measured.
const keys = 1_000;

/** Lets events gather, then starts a relay and waits until all are published. */
export async function measureDrain(stack: BenchStack, brokers: string, events: number) {
  for (let first = 0; first < events; first += each) {
    await withTenant(stack.api, stack.tenant, async (tx) => {
      for (let turn = first; turn < Math.min(events, first + each); turn++) {
        const facts = { scope: 'actionType', name: `switch-${turn % keys}`, state: 'off', turn };
        announceChange(tx, { type: 'switch.changed', subject: `switch/${turn % keys}`, facts, personal: { actor: 'bench' } });
      }
    });
  }
  const waiting = await backlog(stack);
  const relay = startRelay(stack, brokers);
  try {
    let startedAt = Number.NaN;
    let atStart = waiting;
    for (;;) {
      const left = await backlog(stack);
      if (Number.isNaN(startedAt) && left < waiting) {
        startedAt = performance.now(); // The process is up: its start is no part of the rate.
        atStart = left;
      }
      if (left === 0) break;
      await sleep(20);
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    return { events: waiting, perSecond: atStart / seconds, peakMiB: peakResident({ relay: relay.pid() }).relay ?? Number.NaN };
  } finally {
    await relay.stop();
  }
}
