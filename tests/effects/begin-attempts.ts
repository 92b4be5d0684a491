import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import { type Attempt, type Started, startAttempt } from '../../store/saga/start-attempt.ts';
import type { Settled } from '../../store/settle.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { parcelDomain } from './parcel-domain.ts';

export const leaseMs = 62_000; // The endpoint's minute, so that no busy machine outlives it, and 2 s in which it is to be on its way.

/** An execution whose only effect is next, and what begins an attempt at it without sending anything. */
export async function openAttempts(effect: EffectDefinition) {
  const depot: Depot = await openDepot([], undefined, [], (url) => ({
    ...parcelDomain(url, [effect]),
    endpoints: { carrier: { url, timeout: 'PT60S' } },
  }));
  const proposal = await depot.handOver();
  await depot.step(proposal, { next: undefined } as unknown as Settled);
  const { worker, tenant, deps } = depot.fixture;
  const start = async (kind: 'do' | 'undo' = 'do'): Promise<Started | null> =>
    startAttempt(worker, tenant, proposal, { ordinal: 0, kind }, deps);
  return { depot, proposal, start };
}

export function attemptOf(started: Started | null): Attempt {
  if (started === null || !('attempt' in started)) throw new Error('no attempt was begun');
  return started.attempt;
}
