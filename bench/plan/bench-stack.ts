import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import pg from 'pg';
import type { JsonValue } from '../../ontology/json.ts';
import { cedar } from '../../policy/cedar.ts';
import { decide } from '../../policy/decide.ts';
import { startPostgres } from '../../scripts/postgres/embedded-postgres.ts';
import { openPool } from '../../store/connect.ts';
import type { Login } from '../../store/database-roles.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { OntologyCache } from '../../store/load-ontology.ts';
import { migrate } from '../../store/migrate.ts';
import { PolicySets } from '../../store/policy-sets.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { isRefusal } from '../../store/refusal.ts';
import type { Settled } from '../../store/settle.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { withTenantPrisma } from '../../store/sql.ts';
import type { StoreDeps } from '../../store/store-deps.ts';
import { benchDocument } from './documents.ts';
import { administrator } from './principals.ts';

/** One tenant with the benchmark's document, on a PostgreSQL that flushes its commits as production does. */
export interface BenchStack {
  readonly tenant: string;
  /** The API's login. */
  readonly api: pg.Pool;
  readonly superuser: pg.Pool;
  /** For a relay process. */
  readonly relayUrl: string;
  readonly deps: StoreDeps;
  simulate(proposalId: string): Promise<Settled>;
  execute(proposalId: string): Promise<Settled>;
  stop(): Promise<void>;
}

export async function benchStack(directory: string, deps: StoreDeps = ownDeps()): Promise<BenchStack> {
  const server = await startPostgres({ directory: resolve(directory, 'postgres') });
  const superuser = await createDatabase(server.url);
  const password = randomBytes(16).toString('hex');
  await migrate({ url: superuser, passwords: { api: password, worker: password, relay: password } });
  const of = (login: Login) => loginUrl(superuser, login, password);
  const stack = await openBenchStack({ superuser, api: of('api'), worker: of('worker'), relay: of('relay') }, deps);
  return {
    ...stack,
    async stop() {
      await stack.stop();
      await server.stop();
    },
  };
}

/** On a database that is migrated and has no tenant of the benchmark's name. */
export async function openBenchStack(
  urls: Readonly<Record<Login | 'superuser', string>>,
  deps: StoreDeps = ownDeps(),
): Promise<BenchStack> {
  const superuser = openPool(urls.superuser);
  const { rows } = await superuser.query<{ tenant: string }>("SELECT exequatur.ensure_tenant('bench', 'Bench') AS tenant");
  const tenant = rows[0]?.tenant ?? '';
  const api = openPool(urls.api);
  const worker = openPool(urls.worker);
  const accepted = await withTenantPrisma(api, tenant, (tx) => putOntology(tx, benchDocument as unknown as JsonValue, administrator, deps));
  if (isRefusal(accepted)) throw new Error(`the document was refused: ${JSON.stringify(accepted)}`);
  return {
    tenant,
    api,
    superuser,
    relayUrl: urls.relay,
    deps,
    simulate: async (proposalId) => found(await simulateProposal(worker, tenant, proposalId, deps)),
    execute: async (proposalId) => found(await executeProposal(worker, tenant, proposalId, deps)),
    async stop() {
      await api.end();
      await worker.end();
      await superuser.query('SELECT 1').finally(() => superuser.end());
    },
  };
}

function ownDeps(): StoreDeps {
  return { ontologies: new OntologyCache([]), policies: new PolicySets(cedar), decide };
}

function found(settled: Settled | null): Settled {
  if (settled === null) throw new Error('the proposal is gone');
  return settled;
}

/** A database per run: what an earlier run left would change what is measured. */
async function createDatabase(serverUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query('DROP DATABASE IF EXISTS bench_plan WITH (FORCE)');
  await client.query('CREATE DATABASE bench_plan');
  await client.end();
  return Object.assign(new URL(serverUrl), { pathname: '/bench_plan' }).href;
}

function loginUrl(superuserUrl: string, login: Login, password: string): string {
  return Object.assign(new URL(superuserUrl), { username: `bench_plan_${login}`, password }).href;
}
