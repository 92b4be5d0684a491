// What takes standing away while an execution is inside the door, on clones from tests/support/database.ts.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { changePrincipal } from '../../store/change-principal.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { putDelegation } from '../../store/put-delegation.ts';
import { recordReview } from '../../store/record-review.ts';
import { revokeDelegation } from '../../store/revoke-delegation.ts';
import { resolveActor } from '../../store/standing.ts';
import { lockWaits } from '../support/lock-waits.ts';
import { caller, expectDone, type Fixture, openFixture } from './fixture.ts';
import { carriedOut } from './govern.ts';

let fixture: Fixture;
let superuser: pg.Client;
const access = caller('access-admin-1');
const dora = caller('dora', ['agent']);
const say = (id: string, change: PrincipalChange) => fixture.inApi((tx) => changePrincipal(tx, { id, change, by: access }, fixture.deps));
let times = 0;

beforeAll(async () => {
  fixture = await openFixture();
  superuser = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await superuser.connect();
  for (const one of [access, dora]) await fixture.inApi((tx) => resolveActor(tx, one));
});
afterAll(async () => {
  await superuser.end();
  await fixture.close();
});

/** How many stand behind somebody's lock. */
async function waiting(): Promise<number> {
  return (await lockWaits(superuser)).length;
}

/** What comes first once an execution is inside the door and `change` is asked: that it waits, or its answer. The execution then ends as if nothing had been asked. */
async function beside(proposalId: string, change: () => Promise<object>): Promise<string> {
  await superuser.query('BEGIN');
  await superuser.query("SELECT 1 FROM exequatur.type_state WHERE type = 'floor' FOR UPDATE");
  const execution = executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
  await expect.poll(waiting).toBe(1);
  let isAnswered = false;
  const answer = change().finally(() => {
    isAnswered = true;
  });
  await expect.poll(async () => isAnswered || (await waiting()) === 2).toBe(true);
  const first = isAnswered ? 'it is answered' : 'it waits';
  await superuser.query('ROLLBACK');
  expect(await execution).toMatchObject({ status: 'executed' });
  expectDone(await answer);
  return first;
}

describe('whoever takes something away has its answer once no execution commits that still had it', () => {
  const approved = async (reviewer = `keeper-${++times}`) => {
    const plan = await fixture.planned('askFloor', { name: `F${++times}` }, dora);
    expectDone(await fixture.review(plan, caller(reviewer, ['keeper'])));
    return { proposalId: plan.proposalId, reviewer };
  };

  it.each<[string, PrincipalChange]>([
    ['all roles', { roles: [] }],
    ['all teams', { teams: [] }],
    ['all of it', { disabled: true }],
  ])('%s', async (_, change) => {
    const { proposalId, reviewer } = await approved();
    expect(await beside(proposalId, () => say(reviewer, change))).toBe('it waits');
    const next = await fixture.planned('askFloor', { name: `F${++times}` }, dora);
    if (change.teams === undefined) expect(await fixture.review(next, caller(reviewer, ['keeper']))).toHaveProperty('refused');
  });

  it('a delegation', async () => {
    const [ann, ben] = [caller('ann', ['keeper']), caller('ben', ['officer'])];
    for (const one of [ann, ben]) await fixture.inApi((tx) => resolveActor(tx, one));
    const wish = { id: 'leave', delegate: 'ben', endsAt: new Date(Date.now() + 86_400_000).toISOString(), reason: 'away', by: ann };
    const { proposed } = expectDone(await fixture.inApi((tx) => putDelegation(tx, wish, fixture.deps)));
    expect(await carriedOut(fixture, proposed?.proposalId ?? '', access)).toMatchObject({ status: 'executed' });
    const { proposalId, digest } = await fixture.planned('askFloor', { name: `F${++times}` }, dora);
    const review = { proposalId, decision: 'approve' as const, digest: digest ?? '', reviewer: ben, onBehalfOf: 'ann' };
    expectDone(await fixture.inApi((tx) => recordReview(tx, review, fixture.deps)));
    const revoke = () => fixture.inApi((tx) => revokeDelegation(tx, { id: 'leave', by: ann }, fixture.deps));
    expect(await beside(proposalId, revoke)).toBe('it waits');
  });
});

it('whoever may take nothing away keeps no execution waiting, nor waits for one', async () => {
  const plan = await fixture.planned('askFloor', { name: `F${++times}` }, dora);
  expectDone(await fixture.review(plan, caller('keeper-77', ['keeper'])));
  const refused = async () => {
    const asked = await fixture.inApi((tx) =>
      changePrincipal(tx, { id: 'keeper-77', change: { disabled: true }, by: caller('dora-2', ['officer']) }, fixture.deps),
    );
    expect(asked).toEqual({ refused: 'forbidden' });
    return {};
  };
  expect(await beside(plan.proposalId, refused)).toBe('it is answered');
});
