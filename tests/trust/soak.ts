/**
 * `npm run soak -- evaluator [--cases 1000000] [--seed 1]`: the product's evaluator and the naive one on that many generated cases, on all processors.
 * `npm run soak -- governance [--minutes 5] [--seed 1]`: random sequences of reviews, revisions, changed standing and crashes on a real database and on a small model.
 * `npm run soak -- drawn [--times 10] [--seed 1]`: the other tests of drawn cases (filters, inputs that nobody would write, change sets, actions at once), each with that many times its cases.
 * Each fails, and names the seed, where the two sides differ; the first two end with a line of JSON.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { agreeOn, noTally, type Tally } from './naive/agreement.ts';

const drawn = [
  'tests/filter-agreement.test.ts',
  ...['fuzz', 'change-sets', 'serializability'].map((name) => join('tests', 'trust', `${name}.test.ts`)),
];
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
      times: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
    },
  });
  if (positionals[0] === 'governance') {
    return runFor(['tests/trust/governance.test.ts'], { EXEQUATUR_GOVERNANCE_SECONDS: String(Number(values.minutes) * 60) }, values.seed);
  }
  if (positionals[0] === 'drawn') return runFor(drawn, { EXEQUATUR_TIMES: values.times }, values.seed);
  if (positionals[0] !== 'evaluator') throw new Error('there are three soaks: evaluator, governance and drawn');
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

/** The tests themselves, for longer: they have a database server that their setup starts. */
async function runFor(files: readonly string[], longer: Record<string, string>, seed: string): Promise<void> {
  const env = { ...process.env, ...longer, EXEQUATUR_SEED: seed };
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...files];
  const [code] = (await once(spawn(process.execPath, args, { stdio: 'inherit', env }), 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}

function add(total: Tally, more: Tally): void {
  for (const name of ['cases', 'planned', 'invalid', 'edits'] as const) total[name] += more[name];
  for (const [what, count] of Object.entries(more.seen)) total.seen[what] = (total.seen[what] ?? 0) + count;
}
