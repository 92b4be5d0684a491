// What one access administrator cannot do alone, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { changePrincipal } from '../../store/change-principal.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { listReviewers } from '../../store/list-reviewers.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { readPrincipal } from '../../store/read-principal.ts';
import { readTimeline } from '../../store/read-timeline.ts';
import { isRefusal } from '../../store/refusal.ts';
import { readActors, resolveActor } from '../../store/standing.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import { admin, agent, caller, expectDone, type Fixture, keeper1, openFixture, simulated } from './fixture.ts';
import { admin2, carriedOut } from './govern.ts';

let fixture: Fixture;
let floors = 0;
const access = caller('access-admin-1');
const access2 = caller('access-admin-2');
const change = (id: string, wanted: PrincipalChange, by: Caller = access) =>
  fixture.inApi((tx) => changePrincipal(tx, { id, change: wanted, by }, fixture.deps));
/** What waits for a second administrator. */
const proposed = async (id: string, wanted: PrincipalChange, by: Caller = access): Promise<string> => {
  const outcome = expectDone(await change(id, wanted, by));
  if (outcome.proposed === null) throw new Error('it is in force');
  return outcome.proposed.proposalId;
};
/** As two have agreed on. */
const inForce = async (id: string, wanted: PrincipalChange) => {
  expect(await carriedOut(fixture, await proposed(id, wanted), access2)).toMatchObject({ status: 'executed' });
};
const standing = async (id: string) => (await fixture.inWorker((tx) => readActors(tx, [id]))).get(id);
const known = async (...callers: Caller[]) => {
  for (const one of callers) await fixture.inApi((tx) => resolveActor(tx, one));
};
const asked = (proposer: Caller) => fixture.planned('askFloor', { name: `F${++floors}` }, proposer);

beforeAll(async () => {
  fixture = await openFixture();
  await known(access, access2, admin, admin2, keeper1);
});
afterAll(() => fixture.close());

describe('an administrator alone', () => {
  it('takes away at once what somebody may do', async () => {
    await known(caller('ann', ['keeper', 'officer']));
    expect(expectDone(await change('ann', { roles: ['keeper'], teams: [], disabled: true }))).toMatchObject({
      view: { roles: [{ role: 'keeper' }], disabled: true },
      proposed: null,
      loosens: [],
    });
  });

  it.each<[string, PrincipalChange, Caller]>([
    ['a role', { roles: ['keeper', 'officer'] }, caller('bea', ['keeper'])],
    ['a team', { teams: ['night'] }, caller('cleo', ['keeper'])],
  ])('gives nobody %s: another one must want it', async (_, wanted, who) => {
    await known(who);
    const before = await standing(who.id);
    const proposalId = await proposed(who.id, wanted);
    expect(await standing(who.id)).toEqual(before);
    expect(await fixture.review(await simulated(fixture, proposalId), access)).toMatchObject({ refused: 'self_review' });
    expect(await carriedOut(fixture, proposalId, access2)).toMatchObject({ status: 'executed' });
    expect(await standing(who.id)).toMatchObject(wanted);
  });

  it('enables nobody whom somebody disabled', async () => {
    await known(caller('dora', ['keeper']));
    expectDone(await change('dora', { disabled: true }));
    const proposalId = await proposed('dora', { disabled: false });
    expect((await standing('dora'))?.disabled).toBe(true);
    expect(await carriedOut(fixture, proposalId, access2)).toMatchObject({ status: 'executed' });
    expect((await standing('dora'))?.disabled).toBe(false);
  });

  it('makes no person of an agent, and where two do it stands against its tokens', async () => {
    const robot = caller('robot-1', ['keeper'], { kind: 'agent' });
    await known(robot);
    const proposalId = await proposed(robot.id, { kind: 'user' });
    expect(await standing(robot.id)).toMatchObject({ kind: 'agent' });
    expect(await carriedOut(fixture, proposalId, access2)).toMatchObject({ status: 'executed' });
    expect(await fixture.inApi((tx) => resolveActor(tx, robot))).toMatchObject({ kind: 'user' });
    expect(await standing(robot.id)).toMatchObject({ kind: 'user' });
  });

  it('makes no two people of one, who could then approve what is their own', async () => {
    const [eve, home] = [caller('eve', ['keeper']), caller('eve-at-home', ['keeper'])];
    await known(eve, home);
    await inForce('eve', { linkedIdentities: ['eve-at-home'] });
    for (const way of [
      () => proposed('eve', { linkedIdentities: [] }),
      () => proposed('eve-at-home', { linkedIdentities: [] }),
      () => proposed('keeper-1', { linkedIdentities: ['eve-at-home'] }), // Pulls it over to somebody else.
    ]) {
      await way();
      expect(await fixture.review(await asked(eve), home)).toMatchObject({ refused: 'self_review' });
    }
    expect(await carriedOut(fixture, await proposed('eve', { linkedIdentities: [], teams: [] }), access2)).toMatchObject({
      status: 'executed',
    });
    expect((await standing('eve'))?.person).not.toBe((await standing('eve-at-home'))?.person);
  });

  it('takes nobody’s agent from them, nor says whose one is before its tokens do, to review what it proposes', async () => {
    const keeperToo = caller('access-admin-1', ['access-admin', 'keeper']);
    await known(keeperToo, caller('gus', ['keeper']), caller('agent-g', ['agent'], { kind: 'agent', actsFor: 'gus' }));
    await proposed('agent-g', { actsFor: null });
    expect((await standing('agent-g'))?.actsFor).toBe('gus');
    await proposed('agent-mine', { kind: 'agent', actsFor: 'gus' });
    const mine = caller('agent-mine', ['agent'], { kind: 'agent', actsFor: 'access-admin-1' });
    expect(await fixture.review(await asked(mine), keeperToo)).toMatchObject({ refused: 'self_review' });
  });

  it('says of nobody’s agent whom it acts for, to stand against what its tokens come to say', async () => {
    const boss = caller('boss', ['keeper']);
    await known(boss, caller('colin', ['visitor']), caller('bot', ['agent'], { kind: 'agent' }));
    await proposed('bot', { actsFor: 'colin' });
    const plan = await asked(caller('bot', ['agent'], { kind: 'agent', actsFor: 'boss' }));
    expect(await fixture.review(plan, boss)).toMatchObject({ refused: 'self_review' });
  });

  it.each<[string, string | null]>([
    ['another', 'dora'],
    ['nobody', null],
  ])('with a second one takes nobody off the side of an agent whose tokens name them, by saying that it acts for %s', async (_, whom) => {
    const [claimed, other] = [caller('carl', ['keeper']), caller('dora', ['keeper'])];
    const robot = caller(`robot-of-${whom}`, ['agent'], { kind: 'agent', actsFor: claimed.id });
    const later = { ...robot, tokenIssuedAt: '2026-06-01T00:00:00.000Z' };
    await known(claimed, other, robot);
    const before = await asked(robot);
    await inForce(robot.id, { actsFor: whom });
    expect((await standing(robot.id))?.actsFor).toBe(whom);
    for (const plan of [before, await asked(later), await asked({ ...later, actsFor: undefined } as unknown as Caller)]) {
      expect(await fixture.review(plan, claimed)).toMatchObject({ refused: 'self_review' });
      const reviewers = expectDone(await fixture.inApi((tx) => listReviewers(tx, plan.proposalId, fixture.deps)));
      expect(reviewers.reviewers.map(({ id }) => id)).not.toContain(claimed.id);
      const second = await fixture.review(plan, other);
      if (whom === other.id) expect(second).toMatchObject({ refused: 'self_review' });
      else expect(expectDone(second).settled).toMatchObject({ status: 'approved' });
    }
  });

  it('with a second one lets nobody approve by the word of whom an agent acts for, also once its tokens name them', async () => {
    const claimed = caller('carla', ['keeper']);
    const robot = caller('robot-of-late', ['agent'], { kind: 'agent' });
    await known(claimed, robot);
    await inForce(robot.id, { actsFor: keeper1.id });
    const plan = await asked(robot);
    expect(expectDone(await fixture.review(plan, claimed)).settled).toMatchObject({ status: 'approved' });
    await known({ ...robot, actsFor: claimed.id });
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
    expect(await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({
      status: 'awaiting_approval',
    });
  });

  it('links nobody, whose other identity could then take back what one has said', async () => {
    const [colin, dana] = [caller('colin', ['visitor']), caller('dana', ['officer', 'keeper'])];
    await known(colin, dana);
    await proposed(colin.id, { linkedIdentities: [dana.id] });
    expect((await standing(colin.id))?.person).toBe(colin.id);
  });

  it('makes no agent of a person, which policy alone may let more of', async () => {
    await known(caller('vic', ['visitor']));
    await proposed('vic', { kind: 'agent' });
    expect((await standing('vic'))?.kind).toBe('user');
  });

  it('brings nobody along who counts as a second administrator of policies', async () => {
    const both = caller('ontology-admin-3', ['access-admin', 'ontology-admin']);
    await known(both);
    await proposed('puppet', { roles: ['ontology-admin'] }, both);
    const mine =
      'forbid (principal, action == Action::"administer", resource) unless { ["ontology-admin-3", "puppet"].contains(principal.id) };';
    const policies = { all: 'permit (principal, action, resource);', mine };
    const { loosens } = expectDone(await fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, both, fixture.deps)));
    expect(loosens.map(({ pointer }) => pointer)).toContain('/policies');
  });

  it('changes nothing of their own, whatever it would be', async () => {
    expect(await change(access.id, { teams: ['night'] })).toEqual({ refused: 'self_administration' });
  });
});

describe('the second administrator', () => {
  it('is none of those it is about, under whatever identity', async () => {
    const [third, home] = [caller('access-admin-3'), caller('third-at-home', ['access-admin'])];
    await known(third, home);
    await inForce(third.id, { linkedIdentities: [home.id] });
    const plan = await simulated(fixture, await proposed(third.id, { roles: ['access-admin', 'officer'] }));
    for (const who of [third, home]) expect(await fixture.review(plan, who)).toMatchObject({ refused: 'self_review' });
    const { reviewers } = expectDone(await fixture.inApi((tx) => listReviewers(tx, plan.proposalId, fixture.deps)));
    expect(reviewers.map(({ id }) => id)).toEqual([access2.id, 'ontology-admin-3']); // Who is an access administrator as well.
  });

  it('is none of those it turns out to be about until the execution, says the database as well', async () => {
    const fourth = caller('access-admin-4');
    await known(fourth, caller('kim', ['keeper']));
    const plan = await simulated(fixture, await proposed('kim', { roles: ['keeper', 'officer'] }));
    expect(await fixture.review(plan, fourth)).toMatchObject({ settled: { status: 'approved' } });
    const link = { id: 'kim', change: { linkedIdentities: [fourth.id] }, by: access2 };
    expectDone(await fixture.inApi((tx) => putPrincipal(tx, link, fixture.deps)));
    await expect(executePastTheGate(fixture, plan.proposalId, undefined, ['principal.changed'])).rejects.toMatchObject({ code: 'XQ002' });
    expect(await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({
      status: 'awaiting_approval',
    });
  });

  it('approves what the directory said then: where it says something else since, it is sent again', async () => {
    await known(caller('hal', ['keeper']));
    const proposalId = await proposed('hal', { teams: ['night'] });
    const plan = await simulated(fixture, proposalId);
    expectDone(await fixture.review(plan, access2));
    await fixture.inApi((tx) => putPrincipal(tx, { id: 'hal', change: { teams: ['day'] }, by: access2 }, fixture.deps));
    await carriedOutAgain(proposalId);
    expect((await fixture.read(proposalId)).failure?.faults).toMatchObject([{ code: 'setting_changed' }]);
    expect((await standing('hal'))?.teams).toEqual(['day']);
  });

  it('is on record beside the first, with what was changed', async () => {
    await known(caller('ida', ['keeper']));
    const proposalId = await proposed('ida', { roles: ['keeper', 'director'], name: 'Ida' });
    await carriedOut(fixture, proposalId, access2);
    const timeline = await fixture.inApi((tx) => readTimeline(tx, proposalId));
    if (isRefusal(timeline)) throw new Error('there is no timeline');
    const who = timeline.map(({ type, personal }) => [type, personal.proposer ?? personal.reviewer]);
    expect(who).toContainEqual(['proposal.created', access.id]);
    expect(who).toContainEqual(['review.recorded', access2.id]);
    const [entry] = await fixture.inApi((tx) =>
      tx.rows<{ personal: Record<string, string> }>(
        `SELECT (SELECT jsonb_object_agg(d.name, d.value::jsonb) FROM exequatur.audit_disclosure d WHERE d.tenant_id = e.tenant_id AND d.entry_id = e.id) AS personal
           FROM exequatur.audit_entry e WHERE e.type = 'principal.changed' ORDER BY e.seq DESC LIMIT 1`,
      ),
    );
    expect(entry?.personal).toEqual({ actor: access.id, principal: 'ida', change: { roles: ['keeper', 'director'], name: 'Ida' } });
    expect(await fixture.inApi((tx) => readPrincipal(tx, 'ida'))).toMatchObject({
      name: 'Ida',
      roles: [
        { role: 'director', source: 'administrator', expiresAt: null },
        { role: 'keeper', source: 'administrator', expiresAt: null },
      ],
    });
  });
});

it('a principal whose tokens claim a role needs no administrator for it', async () => {
  const jo = caller('jo', ['keeper']);
  expect(await fixture.review(await asked(agent), jo)).toMatchObject({ settled: { status: 'approved' } });
  expect(expectDone(await change('jo', { roles: ['keeper'] })).proposed).toBeNull();
});

/** The door finds it changed, and it is simulated again. */
async function carriedOutAgain(proposalId: string): Promise<void> {
  expect(await carriedOut(fixture, proposalId, access2)).toMatchObject({ status: 'simulating' });
  await simulated(fixture, proposalId);
}

it('what acts over hops for somebody disabled is held until it does so no more', async () => {
  const relay = { ...agent, id: 'relay-1', actsFor: 'boss-1' };
  const hop = { ...agent, id: 'hop-1', actsFor: 'relay-1' };
  await known(caller('boss-1', ['keeper']), relay);
  const plan = await asked(hop);
  await fixture.review(plan, keeper1);
  expectDone(await change('boss-1', { disabled: true }));
  const execute = () => executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps);
  expect(await execute()).toMatchObject({ status: 'scheduled' });
  const again = await fixture.propose('askFloor', { name: `F${++floors}` }, { proposer: hop });
  expect(again).toMatchObject({ refused: 'switched_off', faults: [{ message: 'the switch principal/boss-1 is off' }] });
  await inForce('relay-1', { actsFor: null });
  const nudges = await fixture.inApi((tx) =>
    tx.rows('SELECT 1 FROM exequatur.nudge n WHERE n.proposal_id = $1::uuid AND n.delivered_at IS NULL', [plan.proposalId]),
  );
  expect(nudges).toHaveLength(1);
  expect(await execute()).toMatchObject({ status: 'executed' });
});
