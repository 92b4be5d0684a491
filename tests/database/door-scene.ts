import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type AuditEntry, auditEntry } from '../../audit/entry.ts';
import { writePlan } from '../../ontology/canonical-plan.ts';
import type { JsonObject } from '../../ontology/json.ts';
import type { Edit, ReadSet, ResolvedRequirement } from '../../ontology/plan.ts';
import { openPool } from '../../store/connect.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type ActionName, defineTypes, versions } from './scene-definitions.ts';

/**
 * A tenant with a small ontology, and the steps of a proposal's life as plain SQL of the login that takes them. Written without the store on purpose: attacks leave
 * out, change or repeat single statements, which the store would never do.
 */
export interface Scene {
  readonly db: TestDatabase;
  readonly tenant: string;
  /** One transaction of a login with the tenant set; rolled back when `work` throws. */
  as<T>(login: 'api' | 'worker' | 'relay' | 'superuser', work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  propose(action: ActionName, options?: ProposalOptions): Promise<Proposed>;
  plan(proposal: Proposed, edits: readonly Edit[], options?: PlanOptions): Promise<Planned>;
  review(plan: Planned, reviewer: string, options?: ReviewOptions): Promise<string>;
  approve(plan: Planned): Promise<void>;
  /** Begins and applies in one transaction, as the worker does. */
  execute(plan: Planned, executionId?: string): Promise<Outcome>;
  /** Propose, plan, one review by each reviewer, approve, execute. */
  carry(action: ActionName, edits: readonly Edit[], reviewers?: readonly string[]): Promise<Planned & { executionId: string }>;
  close(): Promise<void>;
}

export interface ProposalOptions {
  proposer?: string;
  parameters?: Record<string, unknown>;
  revertOf?: string;
  actsFor?: string;
  expiresInMs?: number;
}

export interface PlanOptions {
  /** Bytes to store instead of the plan's own; the digest stays what `digest` says, or that of these bytes. */
  bytes?: Buffer;
  digest?: string;
  action?: ActionName;
  parameters?: Record<string, unknown>;
  requirement?: ResolvedRequirement;
  tenant?: string;
  revertOf?: string;
  readSet?: ReadSet;
  summary?: unknown;
  /** How many it says it has. */
  edits?: number;
  chunkSize?: number;
}

export interface ReviewOptions {
  decision?: 'approve' | 'reject';
  digest?: string;
  kind?: 'user' | 'service' | 'agent';
}

export interface Proposed {
  id: string;
  action: ActionName;
  parametersText: string;
  revertOf: string | null;
}

export interface Planned extends Proposed {
  planId: string;
  digest: string;
}

export interface Outcome {
  executionId: string;
  edits: number;
  repeated: boolean;
}

const noReads: ReadSet = { counters: {}, reads: [], queries: [] };
export const oneStage: ResolvedRequirement = {
  policy: 'one',
  automatic: false,
  stages: [{ name: 'review', thresholds: [{ name: 'review', needed: 1, toleratedDenials: 0, reviewers: 'true' }] }],
  distinctReviewers: true,
  expiresAfter: 'P1D',
};

export async function openScene(shared?: TestDatabase): Promise<Scene> {
  const db = shared ?? (await createTestDatabase());
  const tenant = await db.createTenant();
  const pools = new Map<string, pg.Pool>();
  const poolOf = (login: keyof TestDatabase['urls']): pg.Pool => {
    const known = pools.get(login);
    if (known !== undefined) return known;
    const pool = openPool(db.urls[login], { max: 6 });
    pool.on('error', () => {}); // Dropping the database ends idle connections.
    pools.set(login, pool);
    return pool;
  };
  const as: Scene['as'] = (login, work) => inTenant(poolOf(login), tenant, work);
  await as('superuser', async (client) => {
    await defineTypes(client);
    await tell(client, auditEntry({ type: 'ontology.changed', facts: {} }));
  });
  const steps = { as, ...proposalSteps(as, tenant) };
  return {
    db,
    tenant,
    ...steps,
    async carry(action, edits, reviewers = []) {
      const planned = await steps.plan(await steps.propose(action), edits);
      for (const reviewer of reviewers) await steps.review(planned, reviewer);
      await steps.approve(planned);
      return { ...planned, executionId: (await steps.execute(planned)).executionId };
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
      if (shared === undefined) await db.drop();
    },
  };
}

export async function inTenant<T>(pool: pg.Pool, tenant: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query("SELECT set_config('app.tenant', $1, true)", [tenant]);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

/** The SQLSTATE a promise is refused with; `none` when it is not. */
export async function refusalOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'none';
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code !== 'string') throw error;
    return code;
  }
}

/** Locks in the order of locks, then begins. @returns the audit entry that the same transaction must append. */
export async function begin(client: pg.PoolClient, plan: Planned, executionId: string): Promise<AuditEntry> {
  const from = await statusOf(client, plan.id);
  const facts = { from, status: 'executing', executionId, planDigest: plan.digest };
  const entry = auditEntry({ type: 'proposal.executing', proposalId: plan.id, facts });
  await client.query('SELECT 1 FROM exequatur.lock_control()');
  await client.query('SELECT 1 FROM exequatur.begin_execution($1, $2)', [plan.id, executionId]);
  return entry;
}

export async function apply(
  client: pg.PoolClient,
  plan: Planned,
  executionId: string,
  earlier: readonly AuditEntry[] = [],
): Promise<Outcome> {
  const entry = auditEntry({
    type: 'proposal.executed',
    proposalId: plan.id,
    facts: { status: 'executed', executionId, planDigest: plan.digest },
  });
  const { rows } = await client.query<{ outcome: Outcome }>('SELECT exequatur.apply_plan($1, $2, $3::jsonb) AS outcome', [
    plan.planId,
    executionId,
    JSON.stringify([...earlier, entry]),
  ]);
  return rows[0]?.outcome as Outcome;
}

function proposalSteps(as: Scene['as'], tenant: string): Pick<Scene, 'propose' | 'plan' | 'review' | 'approve' | 'execute'> {
  return {
    propose: (action, options = {}) => as('api', (client) => propose(client, tenant, action, options)),
    plan: (proposal, edits, options = {}) => as('worker', (client) => plan(client, tenant, proposal, edits, options)),
    async review(planned, reviewer, options = {}) {
      const given = await as('api', (client) => statusOf(client, planned.id));
      // Afterwards nobody reviews: then it is there as only a superuser can put it there.
      return given === 'awaiting_approval'
        ? as('api', (client) => review(client, tenant, planned, reviewer, options))
        : as('superuser', async (client) => {
            await client.query('SET LOCAL session_replication_role = replica');
            return review(client, tenant, planned, reviewer, options, false);
          });
    },
    approve: (planned) => as('worker', (client) => move(client, planned.id, 'approved')),
    execute: (planned, executionId = randomUUID()) =>
      as('worker', async (client) => apply(client, planned, executionId, [await begin(client, planned, executionId)])),
  };
}

async function propose(client: pg.PoolClient, tenant: string, action: ActionName, options: ProposalOptions): Promise<Proposed> {
  const { proposer = 'proposer', parameters = {}, revertOf = null, actsFor = null, expiresInMs = 3_600_000 } = options;
  await addPrincipal(client, tenant, proposer, 'user');
  const parametersText = JSON.stringify(parameters);
  const id = randomUUID();
  await client.query(
    `INSERT INTO exequatur.proposal (tenant_id, id, status, action_type, action_type_version, ontology_version, parameters, parameters_hash, justification, proposer_id,
       proposer_kind, proposer_roles, revision_seed, evaluated_at, expires_at, revert_of, acts_for, status_timestamps, created_at, updated_at)
     SELECT $1, $2, 'simulating', $3, $4, 1, $5, $6, 'because', $7, 'user', '{}', 'seed', now, now + make_interval(secs => $8::float8 / 1000), $9, $10, '{}', now, now
       FROM (SELECT exequatur.clock() AS now) c`,
    [
      tenant,
      id,
      action,
      versions[action] ?? 1,
      parametersText,
      sha256(Buffer.from(parametersText)),
      proposer,
      expiresInMs,
      revertOf,
      actsFor,
    ],
  );
  await tell(
    client,
    auditEntry({ type: 'proposal.created', proposalId: id, facts: {}, personal: { proposer, actsFor: actsFor ?? undefined } }),
  );
  return { id, action, parametersText, revertOf };
}

export async function addPrincipal(client: pg.PoolClient, tenant: string, id: string, kind: string): Promise<void> {
  await client.query(
    `INSERT INTO exequatur.principal (tenant_id, id, kind, first_seen_at, updated_at) VALUES ($1, $2, $3, exequatur.clock(), exequatur.clock()) ON CONFLICT DO NOTHING`,
    [tenant, id, kind],
  );
  await client.query(
    `INSERT INTO exequatur.standing_role (tenant_id, principal_id, role, source, fed_at) VALUES ($1, $2, 'clerk', 'token', exequatur.clock()) ON CONFLICT DO NOTHING`,
    [tenant, id],
  );
}

async function plan(
  client: pg.PoolClient,
  tenant: string,
  proposal: Proposed,
  edits: readonly Edit[],
  options: PlanOptions,
): Promise<Planned> {
  const action = options.action ?? proposal.action;
  const requirement = options.requirement ?? oneStage;
  const revertOf = options.revertOf ?? proposal.revertOf;
  const written = writePlan({
    header: {
      format: 1,
      tenant: options.tenant ?? tenant,
      actionType: action,
      actionTypeVersion: versions[action] ?? 1,
      functions: {},
      ...(revertOf === null ? {} : { revertOf }),
      effects: [],
      requirement,
      policies: [requirement.policy],
    },
    parametersText: options.parameters === undefined ? proposal.parametersText : JSON.stringify(options.parameters),
    edits: [...edits],
  });
  const bytes = options.bytes ?? Buffer.concat(written.chunks);
  const digest = options.digest ?? `sha256:${sha256(bytes)}`;
  const planId = randomUUID();
  await client.query(
    `INSERT INTO exequatur.plan (tenant_id, id, proposal_id, revision, digest, bytes, edits, summary, requirement, created_at)
     VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, exequatur.clock())`,
    [
      tenant,
      planId,
      proposal.id,
      digest,
      bytes.length,
      options.edits ?? edits.length,
      JSON.stringify(options.summary ?? { edits: countsOf(edits) }),
      JSON.stringify(requirement),
    ],
  );
  await storeChunks(client, tenant, planId, bytes, options.chunkSize ?? 256 * 1024);
  await storeReads(client, tenant, planId, options.readSet ?? noReads);
  await client.query(`UPDATE exequatur.proposal SET status = 'awaiting_approval', plan_id = $2, plan_digest = $3 WHERE id = $1`, [
    proposal.id,
    planId,
    digest,
  ]);
  await tellPlan(client, proposal.id, digest, requirement);
  return { ...proposal, planId, digest };
}

const countsOf = (edits: readonly Edit[]) =>
  Object.fromEntries(['create', 'modify', 'delete', 'link', 'unlink'].map((op) => [op, edits.filter((edit) => edit.op === op).length]));

/** Lines stay whole: a chunk ends where a line ends. */
async function storeChunks(client: pg.PoolClient, tenant: string, planId: string, bytes: Buffer, size: number): Promise<void> {
  let ordinal = 0;
  let edit = -2;
  for (let from = 0; from < bytes.length; ordinal++) {
    const end = from + size >= bytes.length ? bytes.length : bytes.indexOf('\n', from + size - 1) + 1 || bytes.length;
    const chunk = bytes.subarray(from, end);
    const lines = chunk.toString('utf8').replace(/\n$/, '').split('\n').length;
    const first = Math.max(0, edit);
    const count = Math.max(0, edit + lines) - first;
    await client.query(
      'INSERT INTO exequatur.plan_chunk (tenant_id, plan_id, ordinal, bytes, first_edit, edits) VALUES ($1, $2, $3, $4, $5, $6)',
      [tenant, planId, ordinal, chunk, first, count],
    );
    edit += lines;
    from = end;
  }
}

export async function storeReads(
  client: pg.PoolClient,
  tenant: string,
  planId: string,
  { counters, reads, queries }: ReadSet,
  simulation = 0,
): Promise<void> {
  await client.query(
    'INSERT INTO exequatur.read_set (tenant_id, plan_id, simulation, counters, queries, created_at) VALUES ($1, $2, $3, $4, $5, exequatur.clock())',
    [tenant, planId, simulation, JSON.stringify(counters), JSON.stringify(queries)],
  );
  for (const { type, ids, properties, versions: seen } of reads) {
    await client.query(
      'INSERT INTO exequatur.read_set_reads (tenant_id, plan_id, simulation, type, ids, properties, versions) VALUES ($1, $2, $3, $4, $5, $6, $7)',
      [tenant, planId, simulation, type, ids, properties, seen],
    );
  }
}

async function review(
  client: pg.PoolClient,
  tenant: string,
  planned: Planned,
  reviewer: string,
  options: ReviewOptions,
  tells = true,
): Promise<string> {
  const { decision = 'approve', digest = planned.digest, kind = 'user' } = options;
  await addPrincipal(client, tenant, reviewer, kind);
  const id = randomUUID();
  await client.query(
    `INSERT INTO exequatur.review (tenant_id, id, proposal_id, revision, digest, decision, reviewer_id, reviewer_kind, reviewer_roles, stage, created_at)
     VALUES ($1, $2, $3, 1, $4, $5, $6, $7, '{}', 'review', exequatur.clock())`,
    [tenant, id, planned.id, digest, decision, reviewer, kind],
  );
  const facts = { reviewId: id, decision, planDigest: digest };
  if (tells) await tell(client, auditEntry({ type: 'review.recorded', proposalId: planned.id, facts, personal: { reviewer } }));
  return id;
}

/** With the proposal locked. */
async function statusOf(client: pg.PoolClient, proposalId: string): Promise<string> {
  const { rows } = await client.query<{ status: string }>('SELECT status FROM exequatur.proposal WHERE id = $1 FOR UPDATE', [proposalId]);
  return rows[0]?.status ?? '';
}

/** As only a superuser can write: no trigger asks. */
export async function untold(scene: Pick<Scene, 'as'>, text: string, values: readonly unknown[] = []): Promise<void> {
  await scene.as('superuser', async (client) => {
    await client.query('SET LOCAL session_replication_role = replica');
    await client.query(text, [...values]);
  });
}

/** As whoever changes a row tells of it in the same transaction. */
export async function tell(client: pg.PoolClient, entry: AuditEntry): Promise<void> {
  await client.query('SELECT exequatur.append_audit($1::jsonb)', [JSON.stringify([entry])]);
}

export async function tellPlan(client: pg.PoolClient, proposalId: string, planDigest: string, requirement = oneStage): Promise<void> {
  const facts = { from: 'simulating', status: 'awaiting_approval', planDigest, requirement: requirement as unknown as JsonObject };
  await tell(client, auditEntry({ type: 'proposal.simulated', proposalId, facts }));
}

export async function move(client: pg.PoolClient, proposalId: string, status: string): Promise<void> {
  const from = await statusOf(client, proposalId);
  await client.query('UPDATE exequatur.proposal SET status = $2 WHERE id = $1', [proposalId, status]);
  const type = status === 'awaiting_approval' ? 'proposal.simulated' : `proposal.${status}`;
  await tell(client, auditEntry({ type, proposalId, facts: { from, status } }));
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
