// Who counts as one side with whom, and what an administrator alone cannot do, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { resolveActor } from '../../store/standing.ts';
import type { SwitchScope } from '../../store/switches.ts';
import { agent, caller, expectDone, type Fixture, keeper1, openFixture, simulated } from './fixture.ts';
import { carriedOut } from './govern.ts';

let fixture: Fixture;
let floors = 0;
const access = caller('access-admin-1');
const put = (id: string, change: PrincipalChange, by: Caller = access) =>
  fixture.inApi((tx) => putPrincipal(tx, { id, change, by }, fixture.deps));
const turn = (state: 'on' | 'off', by: Caller, scope: SwitchScope = 'tenant', name = 'all') =>
  fixture.inApi((tx) => putSwitch(tx, { scope, name, state, reason: 'smoke', by }, fixture.deps));
const waiting = (proposer: Caller = agent) => fixture.planned('askFloor', { name: `F${++floors}` }, proposer);
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
async function known(...callers: Caller[]): Promise<void> {
  for (const one of callers) await fixture.inApi((tx) => resolveActor(tx, one));
}

beforeAll(async () => {
  fixture = await openFixture();
  await known(access, keeper1);
});
afterAll(() => fixture.close());

describe('the proposer’s side does not review', () => {
  it('whoever acts for another identity of the proposer', async () => {
    const helper = caller('helper', ['keeper'], { actsFor: 'anna-at-home' });
    const anna = caller('anna', ['keeper']);
    await known(anna, caller('anna-at-home', ['keeper']), helper);
    expectDone(await put('anna', { linkedIdentities: ['anna-at-home'] }));
    expect(await fixture.review(await waiting(anna), helper)).toMatchObject({ refused: 'self_review' });
  });

  it('whoever the agent acts for that the proposing agent acts for', async () => {
    const mia = caller('mia', ['keeper']);
    await known(mia, caller('mias-agent', ['agent'], { kind: 'agent', actsFor: 'mia' }));
    const proposal = await waiting(caller('its-agent', ['agent'], { kind: 'agent', actsFor: 'mias-agent' }));
    expect(await fixture.review(proposal, mia)).toMatchObject({ refused: 'self_review' });
  });

  it('whom a token of the proposing agent has named, also where the one at hand names nobody', async () => {
    const boss = caller('boss', ['keeper']);
    const bot = caller('bosss-agent', ['agent'], { kind: 'agent' });
    await known(boss, { ...bot, actsFor: boss.id });
    expect(await fixture.review(await waiting(bot), boss)).toMatchObject({ refused: 'self_review' });
    await known(caller('boss-2'), { ...bot, actsFor: 'boss-2' });
    expect(await fixture.review(await waiting(bot), caller('boss-2', ['keeper']))).toMatchObject({ refused: 'self_review' });
  });

  it('whom a token named when it was made, whatever the directory said of it then, and whomever the next token names', async () => {
    const bot = caller('agent-of-many', ['agent'], { kind: 'agent' });
    const [said, first, next] = [caller('said', ['keeper']), caller('first', ['keeper']), caller('next', ['keeper'])];
    await known(said, first, next, { ...bot, actsFor: first.id });
    expectDone(await put(bot.id, { actsFor: said.id }));
    const proposal = await waiting({ ...bot, actsFor: first.id });
    const other = await waiting({ ...bot, actsFor: next.id });
    for (const who of [said, first, next]) expect(await fixture.review(proposal, who)).toMatchObject({ refused: 'self_review' });
    expectDone(await put(bot.id, { actsFor: null }));
    for (const who of [said, first]) expect(await fixture.review(proposal, who)).toMatchObject({ refused: 'self_review' });
    await fixture.inApi((tx) => resolveActor(tx, { ...bot, actsFor: 'somebody-else' }));
    expect(await fixture.review(proposal, first)).toMatchObject({ refused: 'self_review' });
    expect(await fixture.review(other, next)).toMatchObject({ refused: 'self_review' });
    expect(await fixture.review(proposal, keeper1)).toMatchObject({ settled: { status: 'approved' } });
  });

  it('a reviewer who acts for the proposer since then, in whose place another is asked', async () => {
    const [bob, late] = [caller('bob', ['keeper']), caller('late', ['keeper'])];
    await known(bob, late);
    const proposal = await waiting(bob);
    expect(await fixture.review(proposal, late)).toMatchObject({ settled: { status: 'approved' } });
    expectDone(await put('late', { actsFor: 'bob' }));
    expect(await execute(proposal.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expect(await fixture.review(proposal, keeper1)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(proposal.proposalId)).toMatchObject({ status: 'executed' });
  });
});

it('a reviewer who turns out to be an agent no longer counts, and another is asked', async () => {
  const proposal = await waiting();
  await fixture.review(proposal, caller('turned', ['keeper']));
  expectDone(await put('turned', { kind: 'agent' }));
  expect(await execute(proposal.proposalId)).toMatchObject({ status: 'awaiting_approval' });
  expect(await fixture.review(proposal, keeper1)).toMatchObject({ settled: { status: 'approved' } });
});

describe('to switch on again', () => {
  it('takes a first person who is still an operator, and a second who does not act for the first', async () => {
    await turn('off', caller('operator-1'));
    const { proposed } = expectDone(await turn('on', caller('operator-1')));
    const plan = await simulated(fixture, proposed?.proposalId ?? '');
    expect(await fixture.review(plan, caller('operator-3', ['operator'], { actsFor: 'operator-1' }))).toMatchObject({
      refused: 'self_review',
    });
    expectDone(await fixture.review(plan, caller('operator-2')));
    expectDone(await put('operator-1', { roles: [] }));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({ status: 'invalid', failure: { code: 'proposer_not_allowed' } });
    const again = expectDone(await turn('on', caller('operator-2')));
    expect(await carriedOut(fixture, again.proposed?.proposalId ?? '', caller('operator-4'))).toMatchObject({ status: 'executed' });
  });
});

it('nobody approves that the switch on themselves, or on an agent of theirs, is on again', async () => {
  const stopped = caller('operator-5', ['operator']);
  await known(stopped, caller('agent-of-5', ['agent'], { kind: 'agent', actsFor: stopped.id }));
  for (const [scope, name] of [
    ['principal', stopped.id],
    ['agent', 'agent-of-5'],
    ['agent', 'all'],
  ] as const) {
    expectDone(await turn('off', caller('operator-2'), scope, name));
    const { proposed } = expectDone(await turn('on', caller('operator-2'), scope, name));
    const plan = await simulated(fixture, proposed?.proposalId ?? '');
    expect(await fixture.review(plan, stopped)).toMatchObject({ refused: 'self_review' });
    expect(await carriedOut(fixture, plan.proposalId, caller('operator-4'))).toMatchObject({ status: 'executed' });
  }
});

it('a switch on a person stops the other identities, and the agents of those', async () => {
  await known(caller('sam', ['keeper']), caller('sam-at-home', ['keeper']));
  expectDone(await put('sam', { linkedIdentities: ['sam-at-home'] }));
  expectDone(await turn('off', caller('operator-4'), 'principal', 'sam'));
  for (const proposer of [caller('sam-at-home', ['keeper']), caller('sams-agent', ['agent'], { kind: 'agent', actsFor: 'sam-at-home' })])
    expect(await fixture.propose('askFloor', { name: 'never' }, { proposer })).toMatchObject({ refused: 'switched_off' });
});

describe('an access administrator', () => {
  it('does not change who they are by linking themselves to somebody else', async () => {
    const admin = caller('zoe', ['access-admin', 'keeper']);
    await known(admin, caller('zoe-at-home', ['keeper']), caller('stranger', ['keeper']));
    expectDone(await put('zoe', { linkedIdentities: ['zoe-at-home'] }));
    expect(await put('stranger', { linkedIdentities: ['zoe'] }, admin)).toEqual({ refused: 'self_administration' });
    expect(await put('stranger', { linkedIdentities: ['zoe-at-home'] }, admin)).toEqual({ refused: 'self_administration' });
  });

  it('does not disown the agent that acts for them', async () => {
    const admin = caller('yan', ['access-admin', 'keeper']);
    await known(admin, caller('yans-agent', ['agent'], { kind: 'agent', actsFor: 'yan' }));
    expect(await put('yans-agent', { actsFor: null }, admin)).toEqual({ refused: 'self_administration' });
    expectDone(await put('yans-agent', { teams: ['night'] }, admin));
    expectDone(await put('yans-agent', { actsFor: null }));
  });

  it('remains, where two would disable each other at the same instant', async () => {
    for (let turn = 0; turn < 5; turn++) {
      const [one, other] = [caller(`one-${turn}`, ['access-admin']), caller(`other-${turn}`, ['access-admin'])];
      await known(one, other);
      const outcomes = await Promise.all([put(one.id, { disabled: true }, other), put(other.id, { disabled: true }, one)]);
      expect(outcomes.filter((outcome) => 'refused' in outcome)).toEqual([{ refused: 'forbidden' }]);
    }
  });

  it('says which roles there are: a token issued before brings no other one, a later one may', async () => {
    expectDone(await put('eve', { roles: ['keeper'] }));
    const roles = async (tokenIssuedAt: string) =>
      (await fixture.inApi((tx) => resolveActor(tx, caller('eve', ['keeper', 'operator'], { tokenIssuedAt })))).roles;
    expect(await roles('2026-01-01T00:00:00.000Z')).toEqual(['keeper']);
    expect(await roles('2099-01-01T00:00:00.000Z')).toEqual(['keeper', 'operator']);
  });
});
