import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import { addPrincipal, type Planned, refusalOf, tell, untold } from './door-scene.ts';
import { passes } from './door-world.ts';
import { twoAirports } from './two-airports.ts';

/** What the door counts of reviews that delegates gave, whatever the gate before it thought. */
const world = twoAirports();
let made = 0;

interface Wish {
  delegator?: string;
  delegate?: string;
  actionTypes?: string[];
  startsAt?: string;
  endsAt?: string;
}

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

async function delegate(wish: Wish = {}): Promise<string> {
  const id = `d${++made}`;
  const whole = { id, delegator: 'ann', delegate: 'ben', endsAt: inDays(1), reason: 'away', ...wish };
  await world.scene.as('superuser', async (client) => {
    for (const who of [whole.delegator, whole.delegate]) await addPrincipal(client, world.scene.tenant, who, 'user');
    await client.query('SELECT exequatur.keep_delegation($1::jsonb, $2)', [JSON.stringify(whole), whole.delegator]);
    await tell(client, auditEntry({ type: 'delegation.changed', facts: {} }));
  });
  return id;
}

/** Closing takes two approvals. */
const waiting = async (proposer = 'proposer') =>
  world.scene.plan(await world.scene.propose('close', { proposer }), [
    { op: 'modify', type: 'airport', id: 'ORD', set: { status: `closed ${++made}` }, before: { status: await statusOfOrd() } },
  ]);

async function statusOfOrd(): Promise<string> {
  const { rows } = await world.scene.as('api', (client) =>
    client.query<{ status: string }>("SELECT properties ->> 'status' AS status FROM exequatur.object WHERE id = 'ORD' AND alive"),
  );
  return rows[0]?.status ?? '';
}

interface Given {
  by?: string;
  of?: string;
  decision?: 'approve' | 'reject';
}

const give = (planned: Planned, delegation: string, { by = 'ben', of = 'ann', decision = 'approve' }: Given = {}) =>
  world.scene.as('api', async (client) => {
    for (const who of [by, of]) await addPrincipal(client, world.scene.tenant, who, 'user');
    const id = randomUUID();
    await client.query(
      `INSERT INTO exequatur.review (tenant_id, id, proposal_id, revision, digest, decision, reviewer_id, reviewer_kind, reviewer_roles, on_behalf_of, delegation_id, stage, created_at)
       VALUES ($1, $2, $3, 1, $4, $5, $6, 'user', '{}', $7, $8, 'review', exequatur.clock())`,
      [world.scene.tenant, id, planned.id, planned.digest, decision, by, of, delegation],
    );
    const facts = { reviewId: id, decision, planDigest: planned.digest };
    await tell(client, auditEntry({ type: 'review.recorded', proposalId: planned.id, facts, personal: { reviewer: by, onBehalfOf: of } }));
  });

async function executed(planned: Planned): Promise<string> {
  await world.scene.approve(planned);
  return refusalOf(world.scene.execute(planned));
}
const missing = 'XQ002';

describe('the door', () => {
  it('counts a review by a delegate as one, whoever of the two reviews besides', async () => {
    const id = await delegate();
    for (const others of [['ann'], ['ben'], ['ann', 'ben']]) {
      const planned = await waiting();
      await give(planned, id);
      for (const who of others) await world.scene.review(planned, who);
      // Both in their own right, each with a review of their own, are the newest of two; one of them and the delegated review are one.
      expect(await executed(planned), others.join()).toBe(others.length === 2 ? passes : missing);
    }
    const planned = await waiting();
    await give(planned, id);
    await world.scene.review(planned, 'cleo');
    expect(await executed(planned)).toBe(passes);
  });

  it('counts one of two that a delegate gives on two behalves, and one of a delegator with two delegates', async () => {
    const [ann, cleo, annToo] = [await delegate(), await delegate({ delegator: 'cleo' }), await delegate({ delegate: 'dan' })];
    const twice = await waiting();
    await give(twice, ann);
    await give(twice, cleo, { of: 'cleo' });
    expect(await executed(twice)).toBe(missing);
    const both = await waiting();
    await give(both, ann);
    await give(both, annToo, { by: 'dan' });
    expect(await executed(both)).toBe(missing);
  });

  it('counts none once a delegate took it back', async () => {
    const id = await delegate();
    const planned = await waiting();
    await world.scene.review(planned, 'cleo');
    await world.scene.review(planned, 'ann');
    await give(planned, id, { decision: 'reject' });
    expect(await executed(planned)).toBe(missing);
  });

  it.each<[string, Wish, Given]>([
    ['of another action type', { actionTypes: ['rename'] }, {}],
    ['not begun', { startsAt: inDays(1), endsAt: inDays(2) }, {}],
    ['by somebody else', { delegate: 'dan' }, {}],
    ['of somebody else', { delegator: 'dan' }, {}],
  ])('counts none by a delegation %s', async (_name, wish, given) => {
    const planned = await waiting();
    await world.scene.review(planned, 'cleo');
    await give(planned, await delegate(wish), given);
    expect(await executed(planned)).toBe(missing);
  });

  it.each<[string, (id: string) => [string, unknown[]], undo?: string]>([
    [
      'the delegation is revoked',
      (id) => ["UPDATE exequatur.delegation SET revoked_by = 'ann', revoked_at = exequatur.clock() WHERE id = $1", [id]],
    ],
    [
      'the delegate is disabled',
      () => ["UPDATE exequatur.principal SET disabled = true WHERE id = 'ben'", []],
      "UPDATE exequatur.principal SET disabled = false WHERE id = 'ben'",
    ],
    [
      'the delegator is disabled',
      () => ["UPDATE exequatur.principal SET disabled = true WHERE id = 'ann'", []],
      "UPDATE exequatur.principal SET disabled = false WHERE id = 'ann'",
    ],
    [
      'the delegate is an agent',
      () => ["UPDATE exequatur.principal SET kind = 'agent' WHERE id = 'ben'", []],
      "UPDATE exequatur.principal SET kind = 'user' WHERE id = 'ben'",
    ],
    [
      'the delegator is an agent',
      () => ["UPDATE exequatur.principal SET kind = 'agent' WHERE id = 'ann'", []],
      "UPDATE exequatur.principal SET kind = 'user' WHERE id = 'ann'",
    ],
    [
      'the delegator is the second reviewer under another identity',
      () => ["UPDATE exequatur.principal SET person = 'one' WHERE id IN ('ann', 'cleo')", []],
      "UPDATE exequatur.principal SET person = NULL WHERE id IN ('ann', 'cleo')",
    ],
  ])('counts it no more where %s', async (_name, change, undo) => {
    const id = await delegate();
    const planned = await waiting();
    await give(planned, id);
    await world.scene.review(planned, 'cleo');
    await untold(world.scene, ...change(id));
    expect(await executed(planned)).toBe(missing);
    if (undo !== undefined) await untold(world.scene, undo);
  });

  it.each(['ann', 'ben'])('counts none of a proposal of either: %s', async (proposer) => {
    const planned = await waiting(proposer);
    await give(planned, await delegate());
    await world.scene.review(planned, 'cleo');
    expect(await executed(planned)).toBe(missing);
  });
});

it('a delegation is of two people, for at most 90 days, and is never rewritten', async () => {
  const check = '23514';
  expect(await refusalOf(delegate({ delegate: 'ann' }))).toBe(check);
  expect(await refusalOf(delegate({ startsAt: inDays(0), endsAt: inDays(91) }))).toBe(check);
  expect(await refusalOf(delegate({ startsAt: inDays(2), endsAt: inDays(1) }))).toBe(check);
  const id = await delegate();
  expect(
    await refusalOf(world.scene.as('api', (client) => client.query('UPDATE exequatur.delegation SET ends_at = now() WHERE id = $1', [id]))),
  ).toBe('42501');
});
