import { setTimeout as delay } from 'node:timers/promises';

/**
 * An open loop: something arrives at a constant rate, whether or not what arrived before has been answered, as it does from users who know nothing of each other.
 * `act` is told the instant that was meant, from which it counts what it took: a sender that is late itself must not make the answers look early.
 * @returns when the last has arrived; `ended` settles when the last has ended.
 */
export async function arrive(
  perSecond: number,
  forMs: number,
  act: (meantAt: number) => Promise<void>,
): Promise<{ arrived: number; ended: Promise<unknown> }> {
  const underWay = new Set<Promise<void>>();
  const everyMs = 1_000 / perSecond;
  const total = Math.max(1, Math.floor(forMs / everyMs));
  const from = performance.now();
  for (let at = 0; at < total; at++) {
    const meantAt = from + at * everyMs;
    const early = meantAt - performance.now();
    if (early > 0) await delay(early);
    const one = act(meantAt).finally(() => underWay.delete(one));
    underWay.add(one);
  }
  return { arrived: total, ended: Promise.all(underWay) };
}
