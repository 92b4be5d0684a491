// Whoever has stolen a login and changes rows with it: not in silence, and not so that what the log tells of them is another thing. On a clone from tests/support/database.ts.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import type { Tx } from '../../store/sql.ts';
import { resolveActor } from '../../store/standing.ts';
import { refusalOf } from '../database/door-scene.ts';
import { WebhookScene } from '../events/webhook-scene.ts';
import { executePastTheGate } from '../store/execute-past-the-gate.ts';
import { agent, caller, expectDone, type Fixture, keeper1, officer, openFixture, simulated } from '../store/fixture.ts';
import { verifyLog } from './verify-log.ts';

let fixture: Fixture;
let floors = 0;
beforeAll(async () => {
  fixture = await openFixture();
  await fixture.inApi(async (tx) => {
    for (const one of [agent, keeper1, officer, caller('keeper-9'), caller('keeper-8')]) await resolveActor(tx, one);
  });
});
afterAll(() => fixture?.close());

const asked = () => fixture.planned('askFloorTwice', { name: `U${++floors}` });
const byApi = (work: (tx: Tx) => Promise<unknown>) => refusalOf(fixture.inApi(work));
const isRefused = 'XQ015';
const passes = 'none';

describe('nothing changes that the log is not told of in the same transaction', () => {
  it.each([
    ['that somebody is disabled', "UPDATE exequatur.principal SET disabled = true WHERE id = 'keeper-9'"],
    ['whose teams somebody is of', "UPDATE exequatur.principal SET teams = '{night}' WHERE id = 'keeper-9'"],
    ['who is one person', "UPDATE exequatur.principal SET person = 'one' WHERE id IN ('keeper-9', 'keeper-8')"],
    [
      'who acts for somebody by an administrator',
      `UPDATE exequatur.principal SET acts_for = 'keeper-7', sources = '{"actsFor": {"source": "administrator", "at": "2026-01-01T00:00:00.000Z"}}' WHERE id = 'agent-1'`,
    ],
    [
      'which role somebody has by an administrator',
      `INSERT INTO exequatur.standing_role (tenant_id, principal_id, role, source, fed_at) VALUES ((SELECT current_setting('app.tenant')::uuid), 'keeper-9', 'officer', 'administrator', exequatur.clock())`,
    ],
    ['which role somebody has lost', "UPDATE exequatur.standing_role SET removed_at = exequatur.clock() WHERE principal_id = 'keeper-9'"],
    [
      'that something is switched off',
      `INSERT INTO exequatur.switch (tenant_id, scope, name, off, reason, changed_by, changed_at) VALUES ((SELECT current_setting('app.tenant')::uuid), 'agent', 'nobody', true, 'x', 'x', exequatur.clock())`,
    ],
  ])('%s', async (_, change) => {
    expect(await byApi((tx) => tx.rows(change))).toBe(isRefused);
    const type = change.includes('switch') ? ('switch.changed' as const) : ('principal.changed' as const);
    const tell = (principal: string, more: Record<string, JsonValue> = {}) =>
      byApi(async (tx) => {
        await tx.rows(change);
        tx.audit({ type, facts: {}, personal: { principal, ...more } });
      });
    if (type === 'principal.changed') expect(await tell('officer-1')).toBe(isRefused); // It is told of somebody else.
    const whom = change.includes("'agent-1'") ? 'agent-1' : 'keeper-9';
    expect(await tell(whom, { change: { linkedIdentities: ['keeper-8'] } })).toBe(passes);
  });

  it('where a proposal stands', async () => {
    const { proposalId } = await asked();
    const move = (tx: Tx) => tx.rows("UPDATE exequatur.proposal SET status = 'withdrawn' WHERE id = $1::uuid", [proposalId]);
    const facts = (from: string, status: string) => ({ proposalId, facts: { from, status } });
    expect(await byApi(move)).toBe(isRefused);
    const elsewhere = byApi(async (tx) => {
      await move(tx);
      tx.audit({ type: 'proposal.expired', ...facts('awaiting_approval', 'expired') });
    });
    expect(await elsewhere).toBe(isRefused);
    const without = byApi(async (tx) => tx.audit({ type: 'proposal.withdrawn', ...facts('awaiting_approval', 'withdrawn') }));
    expect(await without).toBe(isRefused);
    const rightly = byApi(async (tx) => {
      await move(tx);
      tx.audit({ type: 'proposal.withdrawn', ...facts('awaiting_approval', 'withdrawn') });
    });
    expect(await rightly).toBe(passes);
  });
});

describe('a review', () => {
  interface Told {
    at?: string;
    reviewer?: string;
    decision?: 'approve' | 'reject';
    named?: Record<string, string>;
    tells?: boolean;
  }
  const given = (plan: { proposalId: string; digest: string | null }, told: Told = {}) =>
    byApi(async (tx) => {
      const { at = 'exequatur.clock()', reviewer = 'keeper-1', decision = 'approve', named = { reviewer }, tells = true } = told;
      const id = randomUUID();
      await tx.rows(
        `INSERT INTO exequatur.review (tenant_id, id, proposal_id, revision, digest, decision, reviewer_id, reviewer_kind, reviewer_roles, stage, created_at)
         VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, 1, $3, $4, $5, 'user', '{}', 'keepers', ${at})`,
        [id, plan.proposalId, plan.digest, decision, reviewer],
      );
      const facts = { reviewId: id, decision, planDigest: plan.digest };
      if (tells) tx.audit({ type: 'review.recorded', proposalId: plan.proposalId, facts, personal: named });
    });

  it('is told where it is given, as it is: whose it is, and when', async () => {
    const plan = await asked();
    expect(await given(plan, { tells: false })).toBe(isRefused);
    expect(await given(plan, { named: { reviewer: 'agent-1' } })).toBe(isRefused);
    expect(await given(plan, { named: { reviewer: 'keeper-1', onBehalfOf: 'agent-1' } })).toBe(isRefused);
    expect(await given(plan, { named: {} })).toBe(isRefused);
    expect(await given(plan, { at: "exequatur.clock() + interval '1 hour'" })).toBe(isRefused);
    expect(await given(plan)).toBe(passes);
    // A later one takes the place of an earlier one, to the door by its time and to the verifier by its place.
    expect(await given(plan, { decision: 'reject', at: "exequatur.clock() - interval '1 hour'" })).toBe(isRefused);
    expect(await given(plan, { reviewer: 'officer-1', at: "exequatur.clock() - interval '1 hour'" })).toBe(passes);
  });

  it('is given while it is asked for', async () => {
    const plan = await asked();
    for (const reviewer of [keeper1, officer]) await fixture.review(plan, reviewer);
    expect(await given(plan, { reviewer: 'keeper-9', decision: 'reject' })).toBe(isRefused);
    expect((await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps))?.status).toBe('executed');
  });
});

it('a decision is committed to by an entry where it is taken, or the evidence of its proposal would not verify', async () => {
  const { proposalId } = await asked();
  const decide = (salt: string | null) =>
    byApi((tx) =>
      tx.rows(
        `INSERT INTO exequatur.decision (tenant_id, id, proposal_id, at, actor, action, outcome, revision, policy_version, policies, errors, details, salt)
         VALUES ((SELECT current_setting('app.tenant')::uuid), gen_random_uuid(), $1::uuid, exequatur.clock(), 'keeper-1', 'review', 'allowed', 1, 0, '{}', '{}', '{}', decode($2, 'hex'))`,
        [proposalId, salt],
      ),
    );
  for (const salt of [null, '00'.repeat(16)]) expect(await decide(salt)).toBe(isRefused);
});

describe('where events go', () => {
  let scene: WebhookScene;
  const silently = (change: string) => refusalOf(scene.fixture.inApi((tx) => tx.rows(change)));
  const told = (change: string) =>
    refusalOf(
      scene.fixture.inApi(async (tx) => {
        await tx.rows(change);
        tx.audit({ type: 'subscription.changed', facts: { name: 'shop' } });
      }),
    );
  beforeAll(async () => {
    scene = await WebhookScene.open();
    await scene.subscribe('shop', { from: 'beginning' });
  });
  afterAll(() => scene?.close());

  it.each([
    ['that one begins again further on, past what was not sent', "SELECT exequatur.replay_subscription('shop', 'now')"],
    ['that one begins again where it began', "SELECT exequatur.replay_subscription('shop', 'beginning')"],
    ['that there is none any more', "SELECT exequatur.remove_subscription('shop')"],
  ])('is not changed in silence: %s', async (_, change) => {
    expect(await silently(change)).toBe(isRefused);
    expect(await told(change)).toBe(passes);
  });

  it('nor is it set so, whoever carries out what was approved', async () => {
    const { fixture } = scene;
    const { proposed } = expectDone(await scene.put(scene.wish('shop', { from: 'now' })));
    const plan = await simulated(fixture, proposed?.proposalId ?? '');
    await scene.fixture.review(plan, caller('admin-2', ['ontology-admin']));
    const carryOut = (...settings: 'subscription.changed'[]) =>
      refusalOf(executePastTheGate(fixture, plan.proposalId, undefined, settings));
    expect(await carryOut()).toBe(isRefused);
    expect(await carryOut('subscription.changed')).toBe(passes);
  });
});

it('and the log verifies', async () => {
  expect(await verifyLog(fixture.database, fixture.tenant)).toMatch(/^whole .*"unjudged":0/);
});
