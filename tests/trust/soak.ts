/**
 * `npm run soak -- evaluator [--cases 1000000] [--seed 1]`: the product's evaluator and the naive one on that many generated cases, on all processors. Ends with a line
 * of JSON; fails, and names the seed, where the two differ.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { agreeOn, noTally, type Tally } from './naive/agreement.ts';

const seedsAtOnce = 50; // Of one task: some 3,000 cases, so that a lane that is slow holds nobody up.

if (process.send) {
  process.on('message', async ({ from }: { from: number }) => {
    const tally = noTally();
    try {
      for (let seed = from; seed < from + seedsAtOnce; seed++) await agreeOn(seed, tally);
      process.send?.({ tally });
    } catch (error) {
      process.send?.({ failure: (error as Error).message });
    }
  });
} else {
  await soak();
}

async function soak(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    allowPositionals: true,
    options: { cases: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
  });
  if (positionals[0] !== 'evaluator') throw new Error('there is one soak: evaluator');
  const wanted = Number(values.cases);
  const firstSeed = Number(values.seed);
  const total = noTally();
  const began = performance.now();
  let next = firstSeed;
  let told = 0;
  const take = () => {
    const from = next;
    next += seedsAtOnce;
    return { from };
  };
  const lane = () =>
    new Promise<void>((resolve, reject) => {
      const child = fork(join(import.meta.dirname, '..', '..', 'scripts', 'bootstrap.mjs'), [import.meta.filename]);
      child.on('message', ({ tally, failure }: { tally?: Tally; failure?: string }) => {
        if (tally) add(total, tally);
        if (total.cases - told >= 50_000) {
          told = total.cases;
          console.log(`${total.cases.toLocaleString('en')} cases agree`);
        }
        if (failure === undefined && total.cases < wanted) child.send(take());
        else {
          child.kill();
          if (failure === undefined) resolve();
          else reject(new Error(failure));
        }
      });
      child.on('error', reject);
      child.send(take());
    });
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  const seconds = (performance.now() - began) / 1_000;
  console.log(JSON.stringify({ soak: 'evaluator', firstSeed, seeds: next - firstSeed, seconds: Math.round(seconds), ...total }));
}

function add(total: Tally, more: Tally): void {
  for (const name of ['cases', 'planned', 'invalid', 'edits'] as const) total[name] += more[name];
  for (const [what, count] of Object.entries(more.seen)) total.seen[what] = (total.seen[what] ?? 0) + count;
}
