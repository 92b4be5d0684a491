import { join, resolve } from 'node:path';
import pg from 'pg';
import { tokenOf } from '../scripts/dev/load-network.ts';
import { supervise } from '../scripts/processes/supervised-process.ts';
import { restClient } from '../scripts/rest/rest-client.ts';
import { type Stack, startStack } from '../scripts/stack/start-stack.ts';
import { bareSubject } from './lifecycle/bare-subject.ts';
import { createCounters } from './lifecycle/counters.ts';
import { readProcessorTimes, usedBetween } from './lifecycle/processor-time.ts';
import { productSubject } from './lifecycle/product-subject.ts';
import { drive, type LifecycleTimings, type Subject } from './lifecycle/subject.ts';
import { readOptions } from './options.ts';
import { median, printTable, quantile, spread } from './statistics.ts';

interface Measured {
  subject: Subject;
  perSecond: number[];
  alone: LifecycleTimings[];
  /** Processor time by part, ms, of all lifecycles at once. */
  used: Map<string, number>;
}

const steps = ['propose', 'approveToExecuted', 'whole'] as const;

/**
 * `npm run bench -- lifecycle [--server production|dev] [--rounds 3] [--count 300] [--alone 60] [--concurrency 50] [--warmUp 600]`: the full product over HTTP beside a bare Temporal
 * workflow of the same shape, on the same Temporal server and the same PostgreSQL, in alternating rounds.
 */
export async function benchLifecycle(args: readonly string[]): Promise<void> {
  const options = readOptions(args, { server: 'production', rounds: 3, count: 300, alone: 60, concurrency: 50, warmUp: 600 });
  const stack = await startStack({
    directory: resolve('.exequatur', 'bench', 'lifecycle'),
    tenants: [{ slug: 'bench', name: 'Bench' }],
    temporal: options.server === 'dev' ? 'dev' : 'production',
    fresh: true,
    env: { LOG_LEVEL: 'error' },
  });
  try {
    const bareWorker = await startBareWorker(stack);
    const subjects = [await bareSubject(stack.temporalAddress), await openProduct(stack, options.count)];
    const measured: Measured[] = subjects.map((subject) => ({ subject, perSecond: [], alone: [], used: new Map() }));
    // Not counted: warms caches, the compilers of both sides, and connections, each of which plans a statement anew the first five times.
    for (const { subject } of measured) await drive(subject, options.warmUp, options.concurrency);
    await analyze(stack.postgresUrls.superuser);
    for (let round = 1; round <= options.rounds; round++) {
      for (const one of measured) await measureRate(one, options);
      for (const one of measured) one.alone.push(...(await drive(one.subject, Math.ceil(options.alone / options.rounds), 1)).timings);
      console.log(`round ${round} of ${options.rounds} done`);
    }
    report(measured, options);
    await Promise.all([...subjects.map((subject) => subject.close()), bareWorker.stop()]);
  } finally {
    await stack.stop();
  }
}

/**
 * Statistics in every database of the server, Temporal's as well, as autovacuum makes them within a minute: until then a connection keeps plans that were made for empty
 * tables, and where that minute ends would be seen in one round or the other.
 */
async function analyze(superuserUrl: string): Promise<void> {
  const databases = await query(superuserUrl, 'SELECT datname AS name FROM pg_database WHERE datallowconn AND NOT datistemplate');
  for (const { name } of databases) await query(Object.assign(new URL(superuserUrl), { pathname: `/${name}` }).href, 'ANALYZE');
}

async function query(url: string, text: string): Promise<{ name: string }[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<{ name: string }>(text)).rows;
  } finally {
    await client.end();
  }
}

async function measureRate(one: Measured, { count, concurrency }: { count: number; concurrency: number }): Promise<void> {
  const before = readProcessorTimes();
  one.perSecond.push((await drive(one.subject, count, concurrency)).perSecond);
  for (const [part, ms] of usedBetween(before, readProcessorTimes())) one.used.set(part, (one.used.get(part) ?? 0) + ms);
}

async function openProduct(stack: Stack, counters: number): Promise<Subject> {
  const tenant = stack.tenants[0];
  if (tenant === undefined) throw new Error('the stack has no tenant');
  const client = (principal: string) => restClient(stack.apiUrl, tokenOf(tenant, principal));
  const agent = client('ops-agent');
  const approver = client('duty-manager-1');
  return productSubject({ agent, approver }, await createCounters(client('ontology-admin-1'), agent, approver, counters));
}

/** The bare worker runs in a process of its own, as the product's does. */
async function startBareWorker(stack: Stack) {
  await query(
    stack.postgresUrls.superuser,
    'CREATE TABLE IF NOT EXISTS public.bare_execution (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())',
  );
  return supervise({
    name: 'bare-worker',
    entry: join('bench', 'bare', 'worker.ts'),
    env: { TEMPORAL_ADDRESS: stack.temporalAddress, TEMPORAL_NAMESPACE: 'default', BARE_DATABASE_URL: stack.postgresUrls.superuser },
    onLine: () => {},
  });
}

function report(measured: readonly Measured[], options: { server: string; concurrency: number; count: number; rounds: number }): void {
  const [bare, product] = measured as [Measured, Measured];
  const at = (one: Measured, step: (typeof steps)[number], q: number): number =>
    quantile(
      one.alone.map((timings) => timings[step]),
      q,
    );
  const ratios = {
    perSecond: median(product.perSecond) / median(bare.perSecond),
    propose: at(product, 'propose', 0.5) / at(bare, 'propose', 0.5),
    approveToExecuted: at(product, 'approveToExecuted', 0.5) / at(bare, 'approveToExecuted', 0.5),
    whole: at(product, 'whole', 0.5) / at(bare, 'whole', 0.5),
  };
  console.log(`\nTemporal server: ${options.server}; rates over rounds as median (least–greatest), times at one lifecycle at a time`);
  printTable([
    ['', `lifecycles/s, ${options.concurrency} at once`, ...steps.flatMap((step) => [`${step} p50 ms`, 'p95 ms'])],
    ...measured.map((one) => [
      one.subject.name,
      spread(one.perSecond),
      ...steps.flatMap((step) => [at(one, step, 0.5).toFixed(1), at(one, step, 0.95).toFixed(1)]),
    ]),
    [
      'product / bare',
      ratios.perSecond.toFixed(2),
      ratios.propose.toFixed(2),
      '',
      ratios.approveToExecuted.toFixed(2),
      '',
      ratios.whole.toFixed(2),
      '',
    ],
  ]);
  reportProcessorTime(measured, options.count * options.rounds);
  const figures = (one: Measured) => ({
    lifecyclesPerSecond: median(one.perSecond),
    ...Object.fromEntries(steps.map((step) => [step, { p50Ms: at(one, step, 0.5), p95Ms: at(one, step, 0.95) }])),
  });
  console.log(JSON.stringify({ bench: 'lifecycle', server: options.server, bare: figures(bare), product: figures(product), ratios }));
}

/** Where the time goes while the processors are busy, since that is what bounds the rate. */
function reportProcessorTime(measured: readonly Measured[], lifecycles: number): void {
  const parts = [...new Set(measured.flatMap(({ used }) => [...used.keys()]))].sort();
  const share = (ms: number | undefined) => ((ms ?? 0) / lifecycles).toFixed(1);
  console.log('\nProcessor time per lifecycle at that concurrency, ms');
  printTable([
    ['', ...parts, 'all'],
    ...measured.map(({ subject, used }) => [
      subject.name,
      ...parts.map((part) => share(used.get(part))),
      share([...used.values()].reduce((sum, ms) => sum + ms, 0)),
    ]),
  ]);
}
