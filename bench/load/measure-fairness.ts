import { quantile } from '../statistics.ts';
import { actLifecycle, type LoadedTenant } from './act-lifecycle.ts';
import { arrive } from './arrivals.ts';
import { newTally, type Tally } from './tally.ts';

export interface Fairness {
  quiet: Tally;
  flooded: Tally;
  flood: Tally;
  /** Of a whole lifecycle of the tenant that does not flood, ms. */
  quietP95Ms: number;
  floodedP95Ms: number;
  ratio: number;
}

const fewShare = 0.08; // Of the greatest rate: somebody at work, who is alone has next to nothing to wait for.

const floodShare = 4; // Of the greatest rate as well.

/** In turns, one tenant alone at a few lifecycles a second, and the same while another tenant floods. */
export async function measureFairness(
  few: LoadedTenant,
  many: LoadedTenant,
  { rounds, roundMs, mostPerSecond }: { rounds: number; roundMs: number; mostPerSecond: number },
): Promise<Fairness> {
  const [quiet, flooded, flood] = [newTally(), newTally(), newTally()];
  const work = (tally: Tally) => arrive(fewShare * mostPerSecond, roundMs, (meantAt) => actLifecycle(few, meantAt, tally));
  for (let round = 0; round < rounds; round++) {
    await (await work(quiet)).ended;
    const [mine, theirs] = await Promise.all([
      work(flooded),
      arrive(floodShare * mostPerSecond, roundMs, (meantAt) => actLifecycle(many, meantAt, flood)),
    ]);
    await Promise.all([mine.ended, theirs.ended]); // So that nothing of the flood is left in the next quiet round.
  }
  const [quietP95Ms, floodedP95Ms] = [quantile(quiet.whole, 0.95), quantile(flooded.whole, 0.95)];
  return { quiet, flooded, flood, quietP95Ms, floodedP95Ms, ratio: floodedP95Ms / quietP95Ms };
}
