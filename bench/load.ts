import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startStack } from '../scripts/stack/start-stack.ts';
import { openPool } from '../store/connect.ts';
import { actLifecycle, type LoadedTenant } from './load/act-lifecycle.ts';
import { arrive } from './load/arrivals.ts';
import { countOutcomes } from './load/count-outcomes.ts';
import { measureFairness } from './load/measure-fairness.ts';
import { measureMost } from './load/measure-most.ts';
import { openTenant } from './load/open-tenant.ts';
import { type Phase, reportLoad } from './load/report.ts';
import { newTally, type Tally } from './load/tally.ts';
import { type Watch, watchStack } from './load/watch-stack.ts';
import { readOptions } from './options.ts';

const steadyShare = 0.6; // Of the greatest rate: what a deployment is planned for.
const tellEveryMs = 30_000;
const drainLimitMs = 10 * 60_000;

/**
 * `npm run bench -- load [--minutes 30] [--spike-minutes 10] [--server production|dev] [--measure-seconds 60] [--concurrency 50] [--rounds 5] [--round-seconds 30]`: the
 * greatest rate of whole lifecycles over HTTP, then 60 % of it at a constant rate, twice that, how the backlog drains, and whether one tenant's flood is felt by another.
 * Ends with 1 where a promise was broken.
 */
export async function benchLoad(args: readonly string[]): Promise<void> {
  const options = readOptions(args, {
    server: 'production',
    minutes: 30,
    'spike-minutes': 10,
    'measure-seconds': 60,
    concurrency: 50,
    rounds: 5,
    'round-seconds': 30,
  });
  const stack = await startStack({
    directory: resolve('.exequatur', 'bench', 'load'),
    tenants: [
      { slug: 'many', name: 'Many' },
      { slug: 'few', name: 'Few' },
    ],
    temporal: options.server === 'dev' ? 'dev' : 'production',
    fresh: true,
    env: { LOG_LEVEL: 'error' },
  });
  const superuser = openPool(stack.postgresUrls.superuser, { max: 2 });
  try {
    const [many, few] = await Promise.all(stack.tenants.map((tenant) => openTenant(stack, tenant)));
    if (many === undefined || few === undefined) throw new Error('the stack has no tenants');
    const most = await measureMost(many, options.concurrency, options['measure-seconds'] * 1_000);
    console.log(`${most.perSecond.toFixed(1)} lifecycles/s at most, ${options.concurrency} at once`);
    const watch = watchStack(stack, superuser);
    const steadyRate = steadyShare * most.perSecond;
    const steady = await runPhase('60 %', many, watch, steadyRate, options.minutes * 60_000);
    const doubled = await runPhase('doubled', many, watch, 2 * steadyRate, options['spike-minutes'] * 60_000);
    const rounds = { rounds: options.rounds, roundMs: options['round-seconds'] * 1_000, mostPerSecond: most.perSecond };
    const fairness = await measureFairness(few, many, rounds);
    await untilDrained(watch);
    await watch.stop();
    const tallies = [most.tally, steady.tally, doubled.tally, fairness.quiet, fairness.flooded, fairness.flood];
    const outcomes = await countOutcomes(
      superuser,
      'count',
      tallies.flatMap(({ accepted }) => accepted),
    );
    process.exitCode = reportLoad({ most: most.perSecond, phases: [steady, doubled], fairness, watch, outcomes }) ? 0 : 1;
  } finally {
    await superuser.end();
    await stack.stop();
  }
}

async function runPhase(name: string, tenant: LoadedTenant, watch: Watch, perSecond: number, forMs: number): Promise<Phase> {
  console.log(`${name}: ${perSecond.toFixed(1)} lifecycles arrive each second for ${Math.round(forMs / 1_000)} s`);
  const tally = newTally();
  const from = performance.now();
  const telling = setInterval(() => tell(name, tally, watch), tellEveryMs);
  const { ended } = await arrive(perSecond, forMs, (meantAt) => actLifecycle(tenant, meantAt, tally));
  const until = performance.now();
  const atEnd = await watch.backlog();
  await ended;
  await untilDrained(watch);
  clearInterval(telling);
  return { name, perSecond, tally, from, until, atEnd, drainMs: performance.now() - until };
}

/** So that whoever waits for half an hour sees that it goes on, and how. */
function tell(name: string, { arrived, accepted, whole, turned }: Tally, { samples }: Watch): void {
  const { enginesTurn = 0, nudges = 0, residentMiB } = samples.at(-1) ?? {};
  const memory = residentMiB === undefined ? '' : `, API ${residentMiB.api.toFixed(0)} MiB, worker ${residentMiB.worker.toFixed(0)} MiB`;
  console.log(
    `${name}: ${arrived} arrived, ${accepted.length} accepted, ${whole.length} done, turned away ${JSON.stringify(turned)}, engine's turn at ${enginesTurn}, ${nudges} nudges${memory}`,
  );
}

/** Until it is no longer the engine's turn at anything, and every nudge has arrived. */
async function untilDrained(watch: Watch): Promise<void> {
  const deadline = performance.now() + drainLimitMs;
  for (;;) {
    const { enginesTurn, nudges } = await watch.backlog();
    if (enginesTurn === 0 && nudges === 0) return;
    if (performance.now() > deadline) throw new Error(`the backlog does not drain: ${enginesTurn} proposals, ${nudges} nudges are left`);
    await delay(100);
  }
}
