// Whoever has the worker's login and calls the door by themselves: what they can make the log say of approvals. On a clone from tests/support/database.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { executionIdOf } from '../../store/execute-proposal.ts';
import { type Fixture, keeper1, officer, openFixture } from '../store/fixture.ts';
import { verifyLog } from './verify-log.ts';

let fixture: Fixture;
let floors = 0;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture?.close());

/** Begins and executes with an entry of the caller's own making. @returns what the log then says of the execution. */
async function executed(proposalId: string, digest: string | null, told: JsonObject): Promise<JsonObject> {
  const executionId = executionIdOf(proposalId);
  const facts = { from: 'approved', status: 'executing', revision: 1, planDigest: digest };
  await fixture.inWorker(async (tx) => {
    tx.audit({ type: 'proposal.executing', proposalId, facts });
    tx.audit({
      type: 'proposal.executed',
      proposalId,
      facts: { ...told, executionId, status: 'executed', revision: 1, planDigest: digest, edits: 1 },
    });
    await tx.rows('SELECT exequatur.begin_execution($1::uuid, $2::uuid)', [proposalId, executionId]);
    await tx.rows('SELECT exequatur.apply_plan(p.plan_id, $2::uuid, $3::jsonb) FROM exequatur.proposal p WHERE p.id = $1::uuid', [
      proposalId,
      executionId,
      JSON.stringify(tx.takeEntries()),
    ]);
  });
  return entryOf(proposalId, 'proposal.executed');
}

async function entryOf(proposalId: string, type: string): Promise<JsonObject> {
  const [row] = await fixture.inApi((tx) =>
    tx.rows<{ payload: string }>(
      "SELECT convert_from(e.payload, 'UTF8') AS payload FROM exequatur.audit_entry e WHERE e.proposal_id = $1::uuid AND e.type = $2",
      [proposalId, type],
    ),
  );
  return JSON.parse(row?.payload ?? '{}') as JsonObject;
}

let proposalId: string;
let digest: string | null;
let reviews: string[];
beforeEach(async () => {
  const plan = await fixture.planned('askFloorTwice', { name: `S${++floors}` });
  ({ proposalId, digest } = plan);
  for (const reviewer of [keeper1, officer]) await fixture.review(plan, reviewer);
  reviews = await fixture.inApi(async (tx) =>
    (
      await tx.rows<{ id: string }>('SELECT r.id FROM exequatur.review r WHERE r.proposal_id = $1::uuid ORDER BY r.created_at', [
        proposalId,
      ])
    ).map(({ id }) => id),
  );
});

describe('the door tells by whose approval a plan ran, whatever its caller says', () => {
  it.each<[string, JsonObject]>([
    ['nothing', {}],
    ['that there was no room', { approvals: null }],
    ['that there were none', { approvals: [], denials: [], escalated: true, emergency: { person: 9, roles: ['chief'] } }],
    ['that none are asked for', { requirement: { automatic: true }, requirementDigest: 'sha256:0' }],
    [
      'that others gave them',
      { approvals: [{ review: '00000000-0000-4000-8000-000000000000', person: 1, roles: ['chief'], fills: [[0, 0]] }] },
    ],
  ])('%s', async (_, told) => {
    const said = await executed(proposalId, digest, told);
    const { requirement } = await entryOf(proposalId, 'proposal.simulated');
    expect(said).toEqual({
      type: 'proposal.executed',
      proposalId,
      executionId: executionIdOf(proposalId),
      status: 'executed',
      revision: 1,
      planDigest: digest,
      edits: 1,
      requirement,
      approvals: [
        { review: reviews[0], person: 1, roles: ['keeper'] },
        { review: reviews[1], person: 2, roles: ['officer'] },
      ],
    });
    expect(await verifyLog(fixture.database, fixture.tenant)).toMatch(new RegExp(`^whole .*"executions":${floors},"unjudged":0`));
  });
});

describe('no login', () => {
  it('tells of another requirement than a plan has, or of none', async () => {
    const { requirement } = await entryOf(proposalId, 'proposal.simulated');
    const append = (facts: JsonObject) =>
      fixture.inWorker((tx) =>
        tx.rows('SELECT exequatur.append_audit($1::jsonb)', [
          JSON.stringify([
            auditEntry({
              type: 'proposal.simulated',
              proposalId,
              facts: { from: 'simulating', status: 'awaiting_approval', planDigest: digest, ...facts },
            }),
          ]),
        ]),
      );
    for (const told of [
      {},
      { requirement: null },
      { requirement: { ...(requirement as JsonObject), automatic: true } },
      { requirementDigest: 'sha256:0' },
      { requirement: requirement ?? null, planDigest: 'sha256:0' },
    ])
      await expect(append(told), JSON.stringify(told)).rejects.toMatchObject({ code: 'XQ015' });
  });
});
