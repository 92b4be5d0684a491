// What a plan does decides who is asked, and what policy alone may approve; in TypeScript and in the door, on a clone from tests/support/database.ts.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { readTimeline } from '../../store/read-timeline.ts';
import { resolveActor } from '../../store/standing.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { agent, caller, expectDone, type Fixture, keeper1, keeper2, officer, openFixture, simulated } from './fixture.ts';
import { uploaded } from './govern.ts';

const document = {
  objectTypes: {
    badge: {
      key: 'code',
      properties: {
        code: { type: 'string' },
        level: { type: 'integer' },
        pin: { type: 'string', sensitive: true },
        note: { type: 'string', sensitive: true },
      },
    },
  },
  actionTypes: {
    issue: {
      parameters: {
        codes: { type: 'array', items: { type: 'string' }, required: true },
        level: { type: 'integer', default: 1 },
        pin: { type: 'string' },
        note: { type: 'string' },
      },
      rules: [
        {
          rule: 'forEach',
          as: 'code',
          in: { list: 'codes' },
          do: [{ rule: 'create', type: 'badge', set: { code: 'code', level: 'level', pin: 'pin', note: 'note' } }],
        },
      ],
      approvalPolicy: 'staged',
    },
    issueAlone: {
      parameters: { code: { type: 'string', required: true }, pin: { type: 'string' }, note: { type: 'string' } },
      rules: [{ rule: 'create', type: 'badge', set: { code: 'code', pin: 'pin', note: 'note' } }],
      approvalPolicy: 'alone',
    },
    issueMany: {
      parameters: {
        codes: { type: 'array', items: { type: 'string' }, required: true },
        cost: { type: 'double' },
        level: { type: 'integer', default: 1 },
      },
      rules: [
        {
          rule: 'forEach',
          as: 'code',
          in: { list: 'codes' },
          do: [{ rule: 'create', type: 'badge', set: { code: 'code', level: 'level' } }],
        },
      ],
      approvalPolicy: 'cheap',
    },
    cancel: {
      parameters: { badge: { type: 'reference', to: 'badge', required: true } },
      rules: [{ rule: 'delete', type: 'badge', object: 'badge' }],
      approvalPolicy: 'alone',
    },
  },
  approvalPolicies: {
    staged: {
      stages: [
        { name: 'keepers', thresholds: [{ needed: 2, reviewers: "'keeper' in reviewer.roles" }], teams: 2 },
        { name: 'director', thresholds: [{ needed: 1, reviewers: "'director' in reviewer.roles" }], when: "plan.objects['badge'] > 2" },
        {
          name: 'security',
          require: 'any',
          thresholds: [
            { needed: 1, reviewers: "'officer' in reviewer.roles" },
            { needed: 2, reviewers: "'guard' in reviewer.roles" },
          ],
          when: "level > 3 || 'badge.pin' in plan.sensitive",
        },
      ],
      expiresAfter: 'PT1H',
    },
    alone: {
      stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
      expiresAfter: 'PT1H',
      automatic: { condition: 'true', ceilings: { edits: 10 }, sensitive: ['badge.note'] },
    },
    cheap: {
      stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
      expiresAfter: 'PT1H',
      automatic: { condition: 'level < 9', ceilings: { edits: 2, parameters: { cost: 100 } } },
    },
  },
};

let fixture: Fixture;
const stagesOf = async (proposalId: string) =>
  (await fixture.read(proposalId)).approval?.stages.map(({ name, status }) => `${name} ${status}`);
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);

beforeAll(async () => {
  fixture = await openFixture(document as JsonValue);
  for (const [who, teams] of [
    [keeper1, ['night']],
    [keeper2, ['night', 'day']],
    [officer, []],
  ] as const) {
    await fixture.inApi((tx) => resolveActor(tx, who));
    expectDone(
      await fixture.inApi((tx) =>
        putPrincipal(tx, { id: who.id, change: { teams: [...teams] }, by: caller('access-admin-1') }, fixture.deps),
      ),
    );
  }
});
afterAll(async () => {
  // What all this left in the log is judged again by whoever has nothing else.
  expect(await verifyLog(fixture.database, fixture.tenant)).toMatch(/^whole .*"unjudged":0/);
  await fixture.close();
});

describe('a stage with a condition', () => {
  it('is asked where the plan meets it, and left out where it does not', async () => {
    const small = await fixture.planned('issue', { codes: ['a', 'b'] });
    expect(await stagesOf(small.proposalId)).toEqual(['keepers open']);
    const large = await fixture.planned('issue', { codes: ['a', 'b', 'c'] });
    expect(await stagesOf(large.proposalId)).toEqual(['keepers open', 'director waiting']);
    const secret = await fixture.planned('issue', { codes: ['a'], pin: '1234' });
    expect(await stagesOf(secret.proposalId)).toEqual(['keepers open', 'security waiting']);
  });

  it('is asked before the execution as any other, and the plan goes through once all have approved', async () => {
    const plan = await fixture.planned('issue', { codes: ['x'], level: 4 });
    await fixture.review(plan, keeper1);
    expect(await fixture.review(plan, officer)).toMatchObject({ refused: 'not_eligible' });
    expect(await fixture.review(plan, keeper2)).toMatchObject({
      settled: { missing: '1 more approval for security or 2 more approvals for security' },
    });
    expect(await fixture.review(plan, officer)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('cannot be all there is', async () => {
    const [stage] = document.approvalPolicies.alone.stages;
    const changed = {
      ...document,
      approvalPolicies: { ...document.approvalPolicies, alone: { stages: [{ ...stage, when: 'false' }], expiresAfter: 'PT1H' } },
    };
    expect(await uploaded(fixture, changed as JsonValue)).toMatchObject({
      refused: 'invalid_ontology',
      faults: [{ pointer: '/approvalPolicies/alone/stages' }],
    });
  });
});

describe('policy alone', () => {
  it('approves what touches no sensitive property, or only those it names, and is on record for it', async () => {
    const plan = await fixture.planned('issueAlone', { code: 'p1', note: 'mind the dog' });
    expect(plan.status).toBe('approved');
    const timeline = expectDone(await fixture.inApi((tx) => readTimeline(tx, plan.proposalId)));
    expect(timeline.find(({ type }) => type === 'proposal.approved')?.facts).toMatchObject({ approvedBy: 'policy', policy: 'alone' });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('takes back what it approved, also where that deletes what has a sensitive property', async () => {
    const done = await fixture.done('issueAlone', { code: 'p9' });
    const revert = expectDone(
      await fixture.inApi((tx) => createRevert(tx, { proposalId: done.proposalId, justification: 'undo', proposer: agent }, fixture.deps)),
    );
    expect(await simulated(fixture, revert.proposalId)).toMatchObject({ status: 'approved' });
    expect(await execute(revert.proposalId)).toMatchObject({ status: 'executed' });
  });

  it.each([
    ['writes', 'issueAlone', { code: 'p2', pin: '0000' }],
    ['deletes', 'cancel', { badge: 'p1' }],
  ])('does not approve what %s one that it does not name, and neither does the door', async (_, action, parameters) => {
    const plan = await fixture.planned(action, parameters);
    expect(plan.status).toBe('awaiting_approval');
    expect(await neededByTheDoor(plan.proposalId)).toBe(1);
  });
});

describe('policy alone, under ceilings and a condition,', () => {
  it.each([
    ['approves what is under all of them', { codes: ['q1', 'q2'], cost: 100 }, 'approved'],
    ['does not approve more edits', { codes: ['q3', 'q4', 'q5'], cost: 100 }, 'awaiting_approval'],
    ['does not approve a greater amount', { codes: ['q3'], cost: 100.5 }, 'awaiting_approval'],
    ['does not approve a greater amount below zero', { codes: ['q3'], cost: -101 }, 'awaiting_approval'],
    ['does not approve what names no amount', { codes: ['q3'] }, 'awaiting_approval'],
    ['does not approve what says that there is none', { codes: ['q3'], cost: null }, 'awaiting_approval'],
    ['does not approve what the condition does not admit', { codes: ['q3'], cost: 1, level: 9 }, 'awaiting_approval'],
  ])('%s', async (_, parameters, status) => {
    expect(await fixture.planned('issueMany', parameters)).toMatchObject({ status });
  });
});

/** How many approvals the door would ask of the stored plan: its own functions, which no login may call. */
async function neededByTheDoor(proposalId: string): Promise<number> {
  const superuser = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await superuser.connect();
  try {
    const { rows } = await superuser.query(
      `SELECT exequatur.approvals_needed(p, p.parameters::jsonb, exequatur.shapes_of(exequatur.edits_of(x.content))) AS needed
         FROM exequatur.proposal p, LATERAL (SELECT convert_from(string_agg(c.bytes, ''::bytea ORDER BY c.ordinal), 'UTF8') AS content
                                               FROM exequatur.plan_chunk c WHERE c.tenant_id = p.tenant_id AND c.plan_id = p.plan_id) x WHERE p.id = $1`,
      [proposalId],
    );
    return rows[0].needed;
  } finally {
    await superuser.end();
  }
}
