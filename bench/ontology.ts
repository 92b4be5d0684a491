import { resolve } from 'node:path';
import pg from 'pg';
import { tokenOf } from '../scripts/dev/load-network.ts';
import { expectGood, restClient } from '../scripts/rest/rest-client.ts';
import { type Stack, startStack } from '../scripts/stack/start-stack.ts';
import { connectFlights } from './ontology/connect-flights.ts';
import { evolveNetwork, evolvingNetwork } from './ontology/evolve-network.ts';
import { importNetwork } from './ontology/import-network.ts';
import { knownFlights, type Operation, readOperations } from './ontology/read-operations.ts';
import { type MeasuredTenant, reportOntology } from './ontology/report.ts';
import { peakResident } from './ontology/resident-memory.ts';
import { measureRowSecurity } from './ontology/row-security.ts';
import { readOptions } from './options.ts';
import { median } from './statistics.ts';

/** Of API, worker and relay each. */
const heapMiB = 512;

/**
 * `npm run bench -- ontology [--objects 10000,100000,1000000] [--rounds 5] [--overlap 2] [--server dev|production]`: the flight network in a tenant of each size, imported
 * through plans over HTTP; then what reads and a simulation cost in each, in turns; row-level security beside the same query with the tenant named;
 * and uploads that rewrite every flight and build an index over them, beside small actions.
 */
export async function benchOntology(args: readonly string[]): Promise<void> {
  const options = readOptions(args, { objects: '10000,100000,1000000', rounds: 5, overlap: 2, server: 'production' });
  const sizes = options.objects.split(',').map(Number);
  const stack = await startStack({
    directory: resolve('.exequatur', 'bench', 'ontology'),
    tenants: sizes.map((size) => ({ slug: `bench-${size}`, name: `Bench ${size}` })),
    temporal: options.server === 'dev' ? 'dev' : 'production',
    functions: resolve('examples', 'flight-network', 'functions.ts'),
    fresh: true,
    // A bound that an import of any length must keep within, or end.
    env: { LOG_LEVEL: 'error', NODE_OPTIONS: `--max-old-space-size=${heapMiB}` },
  });
  try {
    const measured: MeasuredTenant[] = [];
    for (const [at, objects] of sizes.entries()) measured.push(await importTenant(stack, at, objects, options.overlap));
    const { api, worker } = stack.processes;
    const memory = peakResident({ API: api.pid(), worker: worker.pid(), client: process.pid });
    await inDatabase(stack, 'VACUUM ANALYZE'); // As autovacuum leaves the tables some minutes later.
    await measureOperations(stack, measured, options.rounds);
    const largest = stack.tenants.at(-1);
    const security = largest === undefined ? [] : await measureRowSecurity(stack, largest.id, options.rounds);
    for (const [at, one] of measured.entries()) one.evolved = await evolveNetwork(stack.apiUrl, tenantAt(stack, at));
    reportOntology(measured, security, { peakMiB: memory, heapMiB }, options.overlap);
  } finally {
    await stack.stop();
  }
}

async function importTenant(stack: Stack, at: number, objects: number, overlap: number): Promise<MeasuredTenant> {
  const tenant = tenantAt(stack, at);
  expectGood(
    await restClient(stack.apiUrl, tokenOf(tenant, 'ontology-admin-1')).put('/v1/ontology', evolvingNetwork),
    'uploading the document',
  );
  const imported = await importNetwork(stack.apiUrl, tenant, objects, overlap);
  const stored = await inDatabase(stack, 'SELECT count(*)::int AS count FROM exequatur.object WHERE tenant_id = $1 AND alive', [tenant.id]);
  if (stored[0]?.count !== objects) throw new Error(`${stored[0]?.count} objects are there, not ${objects}`);
  console.log(`${objects} objects imported in ${imported.seconds.toFixed(1)} s: ${(objects / imported.seconds).toFixed(0)} objects/s`);
  const connected = await connectFlights(stack.apiUrl, tenant, knownFlights, Math.floor(objects / 10));
  console.log(
    `${connected.rows} link rows in ${connected.seconds.toFixed(1)} s: ${(connected.rows / connected.seconds).toFixed(0)} rows/s`,
  );
  return { objects, imported, connected, operations: new Map() };
}

function tenantAt(stack: Stack, at: number) {
  const tenant = stack.tenants[at];
  if (tenant === undefined) throw new Error('the stack lacks a tenant');
  return tenant;
}

async function inDatabase(stack: Stack, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: stack.postgresUrls.superuser });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Each operation goes round the tenants before the next, so that what else the machine does meets them all. The first round warms, and is not counted. */
async function measureOperations(stack: Stack, measured: readonly MeasuredTenant[], rounds: number): Promise<void> {
  const operations: Operation[][] = [];
  for (const at of measured.keys()) {
    const client = (principal: string) => restClient(stack.apiUrl, tokenOf(tenantAt(stack, at), principal));
    operations.push(await readOperations(client('auditor'), client('ops-agent')));
  }
  for (let round = 0; round <= rounds; round++) {
    for (const kind of operations[0]?.keys() ?? []) {
      for (const [at, tenant] of measured.entries()) {
        const operation = operations[at]?.[kind];
        if (operation === undefined) continue;
        const took = await timed(operation, round);
        if (round > 0) tenant.operations.set(operation.name, [...(tenant.operations.get(operation.name) ?? []), took]);
      }
    }
  }
}

async function timed({ repeats, ask }: Operation, round: number): Promise<number> {
  const took: number[] = [];
  for (let turn = 0; turn < repeats; turn++) {
    const from = performance.now();
    await ask(round * repeats + turn);
    took.push(performance.now() - from);
  }
  return median(took);
}
