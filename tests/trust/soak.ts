/**
 * `npm run soak -- evaluator [--cases 1000000] [--seed 1]`: the product's evaluator and the naive one on that many generated cases, on all processors.
 * `npm run soak -- governance [--minutes 5] [--seed 1]`: random sequences of reviews, revisions, changed standing and crashes on a real database and on a small model.
 * Each ends with a line of JSON; fails, and names the seed, where the two sides differ.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
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
    options: {
      cases: { type: 'string', default: '1000000' },
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: '1' },
    },
  });
  if (positionals[0] === 'governance') return soakGovernance(Number(values.minutes), values.seed);
  if (positionals[0] !== 'evaluator') throw new Error('there are two soaks: evaluator and governance');
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

/** The test itself, for longer: it has a database server that its setup starts. */
async function soakGovernance(minutes: number, seed: string): Promise<void> {
  const env = { ...process.env, EXEQUATUR_GOVERNANCE_SECONDS: String(minutes * 60), EXEQUATUR_SEED: seed };
  const args = ['node_modules/vitest/vitest.mjs', 'run', 'tests/trust/governance.test.ts'];
  const [code] = (await once(spawn(process.execPath, args, { stdio: 'inherit', env }), 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}

function add(total: Tally, more: Tally): void {
  for (const name of ['cases', 'planned', 'invalid', 'edits'] as const) total[name] += more[name];
  for (const [what, count] of Object.entries(more.seen)) total.seen[what] = (total.seen[what] ?? 0) + count;
}
