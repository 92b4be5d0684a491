import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { startStack } from '../scripts/stack/start-stack.ts';
import { floodDocument } from './fairness/flood-document.ts';
import { openReceiver } from './fairness/open-receiver.ts';
import { type Poured, pourBatches } from './fairness/pour-batches.ts';
import { actLifecycle, type LoadedTenant } from './load/act-lifecycle.ts';
import { arrive } from './load/arrivals.ts';
import { openTenant } from './load/open-tenant.ts';
import { newTally, type Tally } from './load/tally.ts';
import { readOptions } from './options.ts';
import { printTable, quantile } from './statistics.ts';

const fairRatio = 2;
const drainLimitMs = 20 * 60_000;
const measured = ['count', 'countAndTell'] as const; // Without effects and with one: they wait for different things.

interface Flood {
  name: string;
  actionType: string;
  size: number;
  /** At most so many in each round. */
  batches: number;
}

/**
 * `npm run bench -- fairness [--only batches|slow] [--rounds 2] [--round-seconds 30] [--per-minute 30] [--size 1000] [--batches 2] [--slow-seconds 10] [--server production|dev]`: whether one tenant's batches are
 * felt by another, and its effects whose receivers take so long. In turns another tenant is alone, at so many lifecycles a minute of each kind, and the same beside a flood.
 * Ends with 1 where its whole lifecycle takes more than twice as long, by the 95th percentile.
 */
export async function benchFairness(args: readonly string[]): Promise<void> {
  const options = readOptions(args, {
    only: '',
    rounds: 2,
    'round-seconds': 30,
    'per-minute': 30,
    size: 1_000,
    batches: 2,
    'slow-seconds': 10,
    server: 'production',
  });
  const receiver = await openReceiver(options['slow-seconds'] * 1_000);
  const stack = await startStack({
    directory: resolve('.exequatur', 'bench', 'fairness'),
    tenants: [
      { slug: 'many', name: 'Many' },
      { slug: 'few', name: 'Few' },
    ],
    temporal: options.server === 'dev' ? 'dev' : 'production',
    fresh: true,
    env: { LOG_LEVEL: 'error', EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: '127.0.0.1' },
  });
  const superuser = new pg.Pool({ connectionString: stack.postgresUrls.superuser, max: 2 });
  try {
    const document = floodDocument(receiver.url);
    const [many, few] = await Promise.all(stack.tenants.map((tenant) => openTenant(stack, tenant, document)));
    if (many === undefined || few === undefined) throw new Error('the stack has no tenants');
    const floods = [
      { name: 'batches', actionType: 'pour' },
      { name: 'slow', actionType: 'pourSlowly' },
    ]
      .map((flood) => ({ ...flood, size: options.size, batches: options.batches }))
      .filter(({ name }) => name.includes(options.only));
    const rounds = { rounds: options.rounds, forMs: options['round-seconds'] * 1_000, perSecond: options['per-minute'] / 60 };
    await alone(few, rounds, newTallies()); // What is done for the first time is not counted.
    const results = [];
    for (const flood of floods) results.push(await measure(few, many, flood, rounds, superuser));
    process.exitCode = report(results) ? 0 : 1;
  } finally {
    await superuser.end();
    await stack.stop();
    await receiver.close();
  }
}

interface Rounds {
  rounds: number;
  forMs: number;
  perSecond: number;
}

type Tallies = Record<(typeof measured)[number], Tally>;
const newTallies = (): Tallies => ({ count: newTally(), countAndTell: newTally() });

async function alone(few: LoadedTenant, { forMs, perSecond }: Rounds, tallies: Tallies): Promise<void> {
  const kinds = measured.map(async (actionType) => {
    const { ended } = await arrive(perSecond, forMs, (meantAt) => actLifecycle(few, meantAt, tallies[actionType], actionType));
    await ended;
  });
  await Promise.all(kinds);
}

interface Result {
  flood: Flood;
  quiet: Tallies;
  flooded: Tallies;
  poured: Poured;
}

async function measure(few: LoadedTenant, many: LoadedTenant, flood: Flood, rounds: Rounds, superuser: pg.Pool): Promise<Result> {
  const [quiet, flooded, poured] = [newTallies(), newTallies(), { batches: 0, accepted: 0, turned: 0 }];
  for (let round = 0; round < rounds.rounds; round++) {
    await alone(few, rounds, quiet);
    await Promise.all([alone(few, rounds, flooded), pourBatches(many, { ...flood, forMs: rounds.forMs }, poured)]);
    console.log(`${flood.name}, round ${round + 1}: ${poured.accepted} accepted of the flood`);
    await untilDone(superuser); // So that nothing of the flood is left in the next quiet round.
  }
  return { flood, quiet, flooded, poured };
}

async function untilDone(superuser: pg.Pool): Promise<void> {
  const deadline = performance.now() + drainLimitMs;
  for (;;) {
    const { rows } = await superuser.query<{ open: number }>(
      `SELECT count(*)::int AS open FROM exequatur.tenant t JOIN exequatur.proposal p ON p.tenant_id = t.tenant_id AND p.status IN ('simulating', 'approved', 'executing')`,
    );
    const open = rows[0]?.open ?? 0;
    if (open === 0) return;
    if (performance.now() > deadline) throw new Error(`the flood does not drain: ${open} proposals are left`);
    await delay(500);
  }
}

/** @returns whether no flood is felt beyond the ratio, and every call was answered */
function report(results: readonly Result[]): boolean {
  const rows = results.flatMap(({ flood, quiet, flooded, poured }) =>
    measured.map((kind) => {
      const [before, beside] = [quiet[kind], flooded[kind]];
      const [quietMs, floodedMs] = [quantile(before.whole, 0.95), quantile(beside.whole, 0.95)];
      const ratio = floodedMs / quietMs;
      const broken = before.brokenCount + beside.brokenCount;
      const [arrived, executed] = [beside.arrived, beside.whole.length];
      return {
        flood: flood.name,
        ...poured,
        kind,
        quietMs,
        floodedMs,
        ratio,
        arrived,
        executed,
        broken,
        words: [...before.broken, ...beside.broken],
      };
    }),
  );
  console.log('\nmilliseconds of a whole lifecycle of the tenant that does not flood, from the instant that it was meant to arrive');
  printTable([
    ['flood of', 'accepted', 'lifecycle', 'alone p95', 'flooded p95', 'ratio', 'arrived', 'executed', 'otherwise'],
    ...rows.map(({ flood, accepted, kind, quietMs, floodedMs, ratio, arrived, executed, broken }) => [
      ...[flood, `${accepted}`, kind, quietMs.toFixed(0), floodedMs.toFixed(0), ratio.toFixed(2)],
      ...[`${arrived}`, `${executed}`, `${broken}`],
    ]),
  ]);
  for (const words of [...new Set(rows.flatMap(({ words }) => words))].slice(0, 10)) console.log(`  ${words}`);
  console.log(JSON.stringify({ bench: 'fairness', rows }));
  return rows.every(({ ratio, broken }) => ratio <= fairRatio && broken === 0);
}
