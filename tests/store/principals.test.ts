// The directory as administrators keep it, and what it does to reviews and executions, on a clone from tests/support/database.ts.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { listReviewers } from '../../store/list-reviewers.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { listPrincipals, readPrincipal } from '../../store/read-principal.ts';
import { runSchedule } from '../../store/run-schedule.ts';
import { createSchedule } from '../../store/schedules.ts';
import { readActors, resolveActor } from '../../store/standing.ts';
import { agent, caller, expectDone, type Fixture, keeper1, keeper2, officer, openFixture, simulated } from './fixture.ts';

let fixture: Fixture;
const access = caller('access-admin-1');
const put = (id: string, change: PrincipalChange, by: Caller = access) =>
  fixture.inApi((tx) => putPrincipal(tx, { id, change, by }, fixture.deps));
const read = async (id: string) => expectDone(await fixture.inApi((tx) => readPrincipal(tx, id)));
const resolve = (who: Caller) => fixture.inApi((tx) => resolveActor(tx, who));
const standing = async (id: string) => (await fixture.inWorker((tx) => readActors(tx, [id]))).get(id);
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
let floors = 0;
const waiting = (proposer: Caller = agent) => fixture.planned('askFloor', { name: `F${++floors}` }, proposer);

/** What the door counts by itself: its own function, which no login may call. */
async function countedByTheDoor(proposalId: string): Promise<number> {
  const superuser = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await superuser.connect();
  try {
    await superuser.query("SELECT set_config('app.tenant', $1, false)", [fixture.tenant]);
    const { rows } = await superuser.query(
      'SELECT count(*)::int AS counting FROM exequatur.proposal p, exequatur.counting_reviews(p) WHERE p.id = $1',
      [proposalId],
    );
    return rows[0].counting;
  } finally {
    await superuser.end();
  }
}

beforeAll(async () => {
  fixture = await openFixture();
  for (const who of [keeper1, keeper2, officer, access]) await resolve(who);
});
afterAll(() => fixture.close());

describe('what an administrator says', () => {
  it('is told with its source and time, beside what tokens claimed', async () => {
    await resolve(caller('ann', ['keeper', 'officer']));
    const changed = expectDone(await put('ann', { roles: ['keeper', 'director'], teams: ['night', 'day'], name: 'Ann' }));
    expect(changed).toMatchObject({
      kind: 'user',
      name: 'Ann',
      teams: ['day', 'night'],
      disabled: false,
      roles: [
        { role: 'director', source: 'administrator', expiresAt: null },
        { role: 'keeper', source: 'administrator', expiresAt: null },
      ],
      removedRoles: [{ role: 'officer' }],
      sources: { teams: { source: 'administrator' }, actsFor: { source: 'token' } },
    });
    expect(await read('ann')).toEqual(changed);
  });

  it('gives nobody a role that the token at hand does not claim, and takes away what it claims', async () => {
    expect(await resolve(caller('ann', ['keeper', 'officer']))).toMatchObject({ roles: ['keeper'] });
    expect(await standing('ann')).toMatchObject({ roles: ['director', 'keeper'] });
  });

  it('may come before the first token, and leaves alone what it does not speak of', async () => {
    expectDone(await put('ben', { roles: ['keeper'], teams: ['night'] }));
    expectDone(await put('ben', { disabled: true }));
    expect(await read('ben')).toMatchObject({ roles: [{ role: 'keeper' }], teams: ['night'], disabled: true });
    expect(await resolve(caller('ben', ['keeper']))).toMatchObject({ disabled: true });
  });

  it('is for access administrators who are people, about others', async () => {
    expect(await put('ann', { disabled: true }, keeper1)).toEqual({ refused: 'forbidden' });
    expect(await put('ann', { disabled: true }, caller('bot', ['access-admin'], { kind: 'agent' }))).toEqual({ refused: 'forbidden' });
    expect(await put(access.id, { roles: ['keeper'] })).toEqual({ refused: 'self_administration' });
    await resolve(caller('home-of-admin', ['keeper']));
    expectDone(await put('home-of-admin', { linkedIdentities: [access.id] }, caller('access-admin-2')));
    expect(await put('home-of-admin', { roles: ['keeper'] })).toEqual({ refused: 'self_administration' });
  });

  it('names only principals that the directory knows, and leaves nothing when it is refused', async () => {
    expect(await put('cleo', { linkedIdentities: ['nobody-knows'], actsFor: 'cleo' })).toEqual({
      refused: 'malformed_request',
      faults: expect.arrayContaining([expect.objectContaining({ pointer: '/actsFor' })]),
    });
    expect(await put('cleo', { linkedIdentities: ['nobody-knows'] })).toMatchObject({
      refused: 'unknown_principal',
      faults: [{ pointer: '/linkedIdentities/0' }],
    });
    expect(await fixture.inApi((tx) => readPrincipal(tx, 'cleo'))).toEqual({ refused: 'not_found' });
  });

  it('leaves an audit entry that names nobody in its hashed bytes, and an event', async () => {
    expectDone(await put('dora', { teams: ['night'] }));
    const [entry] = await fixture.inApi((tx) =>
      tx.rows<{ payload: string }>(
        `SELECT convert_from(payload, 'UTF8') AS payload FROM exequatur.audit_entry WHERE type = 'principal.changed' ORDER BY seq DESC LIMIT 1`,
      ),
    );
    expect(JSON.parse(entry?.payload ?? '')).toMatchObject({
      changed: ['teams'],
      commitments: { actor: expect.any(String), principal: expect.any(String) },
    });
    expect(entry?.payload).not.toContain('dora');
  });

  it('can be listed by role', async () => {
    const page = expectDone(await fixture.inApi((tx) => listPrincipals(tx, { role: 'director' })));
    expect(page.principals.map(({ id }) => id)).toEqual(['ann']);
    const first = expectDone(await fixture.inApi((tx) => listPrincipals(tx, { pageSize: 1 })));
    const next = expectDone(await fixture.inApi((tx) => listPrincipals(tx, { pageSize: 1, pageToken: first.nextPageToken ?? '' })));
    expect((next.principals[0]?.id ?? '') > (first.principals[0]?.id ?? '')).toBe(true);
  });
});

describe('who may review a waiting proposal', () => {
  it('is told by name, and no longer whoever was disabled a second ago', async () => {
    const plan = await waiting();
    const names = async () =>
      expectDone(await fixture.inApi((tx) => listReviewers(tx, plan.proposalId, fixture.deps))).reviewers.map(({ id }) => id);
    expect(await names()).toEqual(expect.arrayContaining(['keeper-1', 'keeper-2']));
    expect(await names()).not.toContain('officer-1');
    expectDone(await put('keeper-2', { disabled: true }));
    expect(await names()).not.toContain('keeper-2');
    expect(await fixture.review(plan, keeper2)).toMatchObject({ refused: 'forbidden' });
    expectDone(await put('keeper-2', { disabled: false }));
    await fixture.review(plan, keeper1);
    expect(await names()).toEqual([]);
  });

  it('does not include an approver disabled before the execution', async () => {
    const plan = await waiting();
    expect(await fixture.review(plan, keeper2)).toMatchObject({ settled: { status: 'approved' } });
    expectDone(await put('keeper-2', { disabled: true }));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expectDone(await put('keeper-2', { disabled: false }));
  });
});

describe('identities of one person', () => {
  it('do not approve what one of them proposed, nor what an agent proposed for one of them', async () => {
    await resolve(caller('eve', ['keeper']));
    await resolve(caller('eve-at-home', ['keeper']));
    const own = await waiting(caller('eve', ['keeper']));
    const forEve = await waiting(caller('agent-e', ['agent'], { kind: 'agent', actsFor: 'eve' }));
    expectDone(await put('eve', { linkedIdentities: ['eve-at-home'] }));
    for (const plan of [own, forEve]) {
      expect(await fixture.review(plan, caller('eve-at-home', ['keeper']))).toMatchObject({ refused: 'self_review' });
    }
    expect((await read('eve-at-home')).linkedIdentities).toEqual(['eve']);
  });

  it('count once, also when they are linked only after both have approved, and the door agrees', async () => {
    await resolve(caller('flo', ['keeper']));
    await resolve(caller('flo-2', ['officer']));
    const plan = await fixture.planned('askFloorTwice', { name: `F${++floors}` });
    await fixture.review(plan, caller('flo', ['keeper']));
    expect(await fixture.review(plan, caller('flo-2', ['officer']))).toMatchObject({ settled: { status: 'approved' } });
    expectDone(await put('flo', { linkedIdentities: ['flo-2'] }));
    expect(await countedByTheDoor(plan.proposalId)).toBe(1);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expectDone(await put('flo', { linkedIdentities: [] }));
    expect((await read('flo-2')).linkedIdentities).toEqual([]);
  });

  it('leave the others of an earlier link together', async () => {
    for (const id of ['a', 'b', 'c', 'd']) await resolve(caller(id, ['keeper']));
    expectDone(await put('a', { linkedIdentities: ['b', 'c', 'd'] }));
    expectDone(await put('a', { linkedIdentities: ['b'] }));
    expect((await read('a')).linkedIdentities).toEqual(['b']);
    expect((await read('c')).linkedIdentities).toEqual(['d']);
  });
});

describe('a person who is disabled under one identity', () => {
  const [home, work] = [caller('nia-at-home', ['keeper']), caller('nia', ['keeper'])];
  const bot = caller('agent-n', ['agent'], { kind: 'agent', actsFor: home.id });
  it('reviews, proposes and counts under none, nor does what acts for another of them propose', async () => {
    for (const who of [home, work, bot]) await resolve(who);
    const [reviewed, proposed] = [await waiting(), await waiting(bot)];
    expectDone(await fixture.review(reviewed, home));
    expectDone(await fixture.review(proposed, keeper1));
    expectDone(await put('nia', { linkedIdentities: [home.id] }));
    expectDone(await put('nia', { disabled: true }));
    expect(await standing(home.id)).toMatchObject({ disabled: true });
    expect(await countedByTheDoor(reviewed.proposalId)).toBe(0);
    expect(await execute(reviewed.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    const { reviewers } = expectDone(await fixture.inApi((tx) => listReviewers(tx, reviewed.proposalId, fixture.deps)));
    expect(reviewers.map(({ id }) => id)).toEqual(expect.not.arrayContaining(['nia', home.id]));
    expect(await fixture.review(await waiting(), home)).toEqual({ refused: 'forbidden' });
    expect(await fixture.propose('askFloor', { name: 'N1' }, { proposer: home })).toEqual({ refused: 'forbidden' });
    expect(await fixture.propose('askFloor', { name: 'N2' }, { proposer: bot })).toMatchObject({ refused: 'switched_off' });
    expect(await execute(proposed.proposalId)).toMatchObject({ status: 'scheduled' });
  });

  it('is so until they are enabled again, or are two people', async () => {
    expectDone(await put('nia', { linkedIdentities: [] }));
    expect(await standing(home.id)).toMatchObject({ disabled: false });
    expect(await standing('nia')).toMatchObject({ disabled: true });
    expectDone(await put('nia', { linkedIdentities: [home.id] }));
    expectDone(await put('nia', { disabled: false }));
    for (const { id } of [home, work]) expect(await standing(id)).toMatchObject({ disabled: false });
  });
});

describe('whom an agent acts for', () => {
  it('is what the administrator says, against its token', async () => {
    await resolve(caller('gus', ['keeper']));
    const bot = caller('agent-g', ['agent'], { kind: 'agent' });
    await resolve(bot);
    const before = await waiting(bot);
    expectDone(await put('agent-g', { actsFor: 'gus' }));
    expect(await resolve(bot)).toMatchObject({ actsFor: 'gus' });
    const after = await waiting(bot);
    for (const plan of [before, after]) {
      expect(await fixture.review(plan, caller('gus', ['keeper']))).toMatchObject({ refused: 'self_review' });
    }
    expect(await read('agent-g')).toMatchObject({ kind: 'agent', actsFor: 'gus', sources: { actsFor: { source: 'administrator' } } });
  });
});

describe('what kind somebody is', () => {
  it('is what the administrator says, against a token issued before and after', async () => {
    await resolve(caller('kit', ['keeper']));
    const plan = await waiting();
    expectDone(await put('kit', { kind: 'agent' }));
    for (const tokenIssuedAt of ['2026-01-01T00:00:00.000Z', new Date(Date.now() + 60_000).toISOString()]) {
      const kit = caller('kit', ['keeper'], { tokenIssuedAt, name: `Kit of ${tokenIssuedAt}` });
      expect(await resolve(kit)).toMatchObject({ kind: 'agent' });
      expect(await fixture.review(plan, kit)).toMatchObject({ refused: 'agent_may_not_review' });
      expect(await standing('kit')).toMatchObject({ kind: 'agent' });
    }
    expect(await read('kit')).toMatchObject({ kind: 'agent', sources: { kind: { source: 'administrator' } } });
  });

  it('becomes less by a token and never more: none makes a person of an agent or of a service', async () => {
    const as = (kind: Caller['kind']) => resolve(caller('lou', ['keeper'], { kind }));
    for (const [claimed, kind] of [
      ['user', 'user'],
      ['service', 'service'],
      ['user', 'service'],
      ['agent', 'agent'],
      ['service', 'agent'],
      ['user', 'agent'],
    ] as const) {
      expect(await as(claimed)).toMatchObject({ kind });
      expect(await standing('lou')).toMatchObject({ kind });
    }
  });

  it('is believed of a token that says agent where an administrator only told what was known, or somebody unknown', async () => {
    await resolve(caller('max', ['keeper']));
    expectDone(await put('max', { kind: 'user' }));
    expectDone(await put('mia', { kind: 'user' }));
    for (const id of ['max', 'mia']) expect(await resolve(caller(id, ['agent'], { kind: 'agent' }))).toMatchObject({ kind: 'agent' });
  });
});

it('whom an agent acted for when it made a schedule does not approve what its runs propose, whomever its tokens name later', async () => {
  const of = (actsFor: string) => caller('agent-s', ['agent'], { kind: 'agent', actsFor });
  const sue = caller('sue', ['keeper']);
  const schedule = { actionType: 'askFloor', parameters: { name: `F${++floors}` }, justification: 'each hour', skipWhileOpen: false };
  const { id } = expectDone(
    await fixture.inApi((tx) => createSchedule(tx, { ...schedule, timing: { every: 'PT1H' }, owner: of('sue') }, fixture.deps)),
  );
  await resolve(of('tom'));
  const run = await runSchedule(fixture.worker, fixture.tenant, { scheduleId: id, nominalAt: '2026-01-01T00:00:00.000Z' }, fixture.deps);
  const plan = await simulated(fixture, run.kind === 'proposed' ? run.proposalId : '');
  expect(await fixture.review(plan, sue)).toMatchObject({ refused: 'self_review' });
  expect(await fixture.review(plan, keeper1)).toMatchObject({ settled: { status: 'approved' } });
});
