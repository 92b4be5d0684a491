import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { JsonValue } from '../../ontology/json.ts';
import type { RegisteredFunction } from '../../ontology/ontology-function.ts';
import type { Policies } from '../../ontology/policy-engine.ts';
import { cedar } from '../../policy/cedar.ts';
import { decide } from '../../policy/decide.ts';
import { openPool } from '../../store/connect.ts';
import { createProposal, type Proposed } from '../../store/create-proposal.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { OntologyCache } from '../../store/load-ontology.ts';
import { PolicySets, policyVersionInForce } from '../../store/policy-sets.ts';
import { proposalActions } from '../../store/proposal-actions.ts';
import { type ProposalView, proposalView } from '../../store/proposal-view.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { readProposalRecord } from '../../store/read-proposal.ts';
import { type NewReview, type RecordedReview, type ReviewRefusal, recordReview } from '../../store/record-review.ts';
import { isRefusal, type Refusal } from '../../store/refusal.ts';
import type { Settled } from '../../store/settle.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { type PrismaTx, type Tx, withTenant, withTenantPrisma } from '../../store/sql.ts';
import { resolveActor } from '../../store/standing.ts';
import type { StoreDeps } from '../../store/store-deps.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** A tenant of an office building, with the store's functions bound to the logins that call them in production. */
export interface Fixture {
  database: TestDatabase;
  /** The API's login. */
  api: pg.Pool;
  worker: pg.Pool;
  tenant: string;
  deps: StoreDeps;
  inApi<T>(work: (tx: PrismaTx) => Promise<T>): Promise<T>;
  inWorker<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  propose(
    actionType: string,
    parameters: JsonValue,
    more?: { proposer?: Caller; idempotencyKey?: string; justification?: string },
  ): Promise<Proposed | Refusal>;
  /** Proposes and simulates. */
  planned(actionType: string, parameters: JsonValue, proposer?: Caller): Promise<Settled>;
  review(
    settled: { proposalId: string; digest: string | null },
    reviewer: Caller,
    decision?: NewReview['decision'],
  ): Promise<RecordedReview | ReviewRefusal>;
  /** Proposes, has it approved by whoever must, and executes. */
  done(actionType: string, parameters: JsonValue): Promise<Settled>;
  read(proposalId: string, viewer?: Caller): Promise<ProposalView>;
  close(): Promise<void>;
}

export function caller(id: string, roles: string[] = [id.replace(/-\d+$/, '')], more: Partial<Caller> = {}): Caller {
  return { id, kind: 'user', roles, tokenIssuedAt: '2026-01-01T00:00:00.000Z', ...more };
}

export const agent = caller('agent-1', ['agent'], { kind: 'agent' });
export const keeper1 = caller('keeper-1');
export const keeper2 = caller('keeper-2');
export const officer = caller('officer-1');
export const admin = caller('ontology-admin-1');

export const building = {
  objectTypes: {
    floor: { key: 'name', properties: { name: { type: 'string', required: true } } },
    room: {
      key: 'code',
      properties: {
        code: { type: 'string', required: true },
        status: { type: 'enum', values: ['open', 'closed'], required: true, default: 'open', indexed: true },
        seats: { type: 'integer' },
        note: { type: 'string', maxLength: 200 },
        floor: { type: 'reference', to: 'floor' },
      },
    },
  },
  linkTypes: {
    rooms: { from: 'floor', to: 'room', cardinality: 'one-to-many', via: 'floor' },
    neighbours: { from: 'room', to: 'room', cardinality: 'many-to-many' },
  },
  actionTypes: {
    addFloor: {
      parameters: {
        name: { type: 'string', required: true },
        rooms: {
          type: 'array',
          required: true,
          items: { type: 'struct', properties: { code: { type: 'string', required: true }, seats: { type: 'integer' } } },
        },
      },
      rules: [
        { rule: 'create', type: 'floor', set: { name: 'name' } },
        {
          rule: 'forEach',
          as: 'row',
          in: { list: 'rooms' },
          do: [{ rule: 'create', type: 'room', set: { code: 'row.code', seats: 'row.seats', floor: 'name' } }],
        },
      ],
      approvalPolicy: 'by-itself',
    },
    askFloor: {
      parameters: { name: { type: 'string', required: true } },
      rules: [{ rule: 'create', type: 'floor', set: { name: 'name' } }],
      approvalPolicy: 'one-keeper',
    },
    askFloorTwice: {
      parameters: { name: { type: 'string', required: true } },
      rules: [{ rule: 'create', type: 'floor', set: { name: 'name' } }],
      approvalPolicy: 'two-stage',
    },
    closeRoom: {
      parameters: { room: { type: 'reference', to: 'room', required: true }, note: { type: 'string' } },
      criteria: [{ condition: "room.status == 'open'", message: 'The room is closed already.' }],
      rules: [{ rule: 'modify', type: 'room', object: 'room', set: { status: "'closed'", note: 'note' } }],
      approvalPolicy: 'two-stage',
    },
    setSeats: {
      parameters: { room: { type: 'reference', to: 'room', required: true }, seats: { type: 'integer', required: true } },
      rules: [{ rule: 'modify', type: 'room', object: 'room', set: { seats: 'seats' } }],
      approvalPolicy: 'by-itself',
    },
    noteUse: {
      parameters: { room: { type: 'reference', to: 'room', required: true } },
      criteria: [{ condition: 'room.seats > 0', message: 'The room has no seats.' }],
      rules: [{ rule: 'modify', type: 'room', object: 'room', set: { note: "'in use'" } }],
      approvalPolicy: 'two-stage',
    },
    closeFloor: {
      parameters: { floor: { type: 'reference', to: 'floor', required: true } },
      rules: [
        {
          rule: 'forEach',
          as: 'room',
          in: { link: 'rooms', of: 'floor' },
          do: [{ rule: 'modify', type: 'room', object: 'room', set: { status: "'closed'" } }],
        },
      ],
      approvalPolicy: 'one-keeper',
    },
    join: {
      parameters: { a: { type: 'reference', to: 'room', required: true }, b: { type: 'reference', to: 'room', required: true } },
      rules: [{ rule: 'link', link: 'neighbours', from: 'a', to: 'b' }],
      approvalPolicy: 'by-itself',
    },
  },
  approvalPolicies: {
    'by-itself': {
      stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
      expiresAfter: 'PT1H',
      automatic: { condition: 'true', ceilings: { edits: 1000 } },
    },
    'one-keeper': {
      stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
      expiresAfter: 'PT1H',
    },
    'two-stage': {
      stages: [
        { name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] },
        { name: 'safety', thresholds: [{ needed: 1, reviewers: "'officer' in reviewer.roles" }] },
      ],
      expiresAfter: 'PT1H',
    },
  },
} satisfies JsonValue;

type OpenDatabase = Pick<Fixture, 'database' | 'api' | 'worker' | 'close'>;
let shared: OpenDatabase | undefined;

async function openDatabase(): Promise<OpenDatabase> {
  const database = await createTestDatabase();
  const api = openPool(database.urls.api, { max: 8 });
  const worker = openPool(database.urls.worker, { max: 8 });
  const close = async () => {
    await Promise.all([api.end(), worker.end()]);
    await database.drop();
  };
  return { database, api, worker, close };
}

/**
 * Said at the head of a file: its fixtures are tenants of one database, whose backends plan and compile what they are asked once instead of for each case. For
 * files that look at no other tenant.
 */
export function shareDatabase(): void {
  beforeAll(async () => {
    shared = await openDatabase();
  });
  afterAll(async () => {
    await shared?.close();
    shared = undefined;
  });
}

export async function openFixture(
  document: JsonValue = building,
  functions: readonly RegisteredFunction[] = [],
  policies: Policies = cedar,
): Promise<Fixture> {
  const { database, api, worker, close } = shared ?? (await openDatabase());
  const tenant = await database.createTenant();
  const deps: StoreDeps = { decide, ontologies: new OntologyCache(functions), policies: new PolicySets(policies) };
  const inApi = <T>(work: (tx: PrismaTx) => Promise<T>) => withTenantPrisma(api, tenant, work);
  const fixture: Fixture = {
    database,
    api,
    worker,
    tenant,
    deps,
    inApi,
    inWorker: (work) => withTenant(worker, tenant, work),
    propose: (actionType, parameters, more = {}) =>
      inApi((tx) =>
        createProposal(
          tx,
          {
            actionType,
            parameters,
            justification: more.justification ?? 'because',
            idempotencyKey: more.idempotencyKey ?? randomUUID(),
            proposer: more.proposer ?? agent,
          },
          deps,
        ),
      ),
    async planned(actionType, parameters, proposer = agent) {
      const proposed = expectDone(await fixture.propose(actionType, parameters, { proposer }));
      return simulated(fixture, proposed.proposalId);
    },
    review: ({ proposalId, digest }, reviewer, decision = 'approve') =>
      inApi((tx) => recordReview(tx, { proposalId, decision, digest: digest ?? '', reviewer }, deps)),
    async done(actionType, parameters) {
      const plan = await fixture.planned(actionType, parameters);
      for (const reviewer of plan.status === 'awaiting_approval' ? [keeper1, officer] : []) await fixture.review(plan, reviewer);
      const settled = await executeProposal(worker, tenant, plan.proposalId, deps);
      if (settled?.status !== 'executed') throw new Error(`expected executed, found ${JSON.stringify(settled)}`);
      return settled;
    },
    async read(proposalId, viewer = keeper1) {
      return inApi(async (tx) => {
        const actor = await resolveActor(tx, viewer);
        const [record, policyVersion] = await Promise.all([readProposalRecord(tx, proposalId), policyVersionInForce(tx)]);
        if (record === null) throw new Error('no such proposal');
        const actions = await proposalActions({ record, viewer: actor, policyVersion }, deps, (work) => work(tx));
        return proposalView(record, actions);
      });
    },
    close: () => (shared?.database === database ? database.resetClock() : close()),
  };
  expectDone(await inApi((tx) => putOntology(tx, document, admin, deps)));
  return fixture;
}

export async function simulated(fixture: Fixture, proposalId: string): Promise<Settled> {
  const settled = await simulateProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
  if (settled === null) throw new Error('no such proposal');
  return settled;
}

export function expectDone<T extends object>(outcome: T | Refusal): T {
  if (isRefusal(outcome)) throw new Error(`refused: ${JSON.stringify(outcome)}`);
  return outcome;
}
