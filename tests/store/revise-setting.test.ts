// Changes of what governs that are revised after changes were requested, on a clone from tests/support/database.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSetting } from '../../api/schemas/setting-revision.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { putDelegation } from '../../store/put-delegation.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { putSubscription } from '../../store/put-subscription.ts';
import { readPlanDifference } from '../../store/read-plan-difference.ts';
import { readPolicies } from '../../store/read-policies.ts';
import { recordReview } from '../../store/record-review.ts';
import { reviseProposal } from '../../store/revise-proposal.ts';
import { SecretBox } from '../../store/secret-box.ts';
import type { Settled } from '../../store/settle.ts';
import { admin, building, caller, expectDone, type Fixture, keeper1, openFixture, shareDatabase, simulated } from './fixture.ts';
import { admin2, carriedOut, uploaded } from './govern.ts';

shareDatabase();
let fixture: Fixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture?.close());

const edited = (change: (document: typeof building) => void): JsonValue => {
  const copy = structuredClone(building);
  change(copy);
  return copy as unknown as JsonValue;
};
const looser = edited((copy) => Object.assign(copy.actionTypes.askFloor, { approvalPolicy: 'by-itself' }));
const otherwise = edited((copy) => Object.assign(copy.actionTypes.closeFloor, { approvalPolicy: 'by-itself' }));
const stricter = edited((copy) => Object.assign(copy.actionTypes.askFloor, { approvalPolicy: 'two-stage' }));
const sent = async (document: JsonValue) =>
  simulated(fixture, expectDone(await fixture.inApi((tx) => putOntology(tx, document, admin, fixture.deps))).proposalId ?? '');
const askForChanges = async ({ proposalId, digest }: Settled, reviewer = admin2) => {
  const review = { proposalId, decision: 'request_changes' as const, reason: 'Not this one.', digest: digest ?? '', reviewer };
  expectDone(await fixture.inApi((tx) => recordReview(tx, review, fixture.deps)));
};
const revise = (proposalId: string, parameters: JsonValue, by = admin) =>
  fixture.inApi((tx) => reviseProposal(tx, { proposalId, parameters, by, parseSetting }, fixture.deps));
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);

describe('a document of which changes were requested', () => {
  it('is revised by who sent it, and needs its second person anew', async () => {
    const first = await sent(looser);
    await askForChanges(first);
    expect((await fixture.read(first.proposalId, admin)).actions.revise).toEqual({ allowed: true });
    expectDone(await revise(first.proposalId, { document: otherwise }));
    const second = await simulated(fixture, first.proposalId);
    expect(second).toMatchObject({ status: 'awaiting_approval', revision: 2 });
    expect(second.digest).not.toBe(first.digest);
    const difference = await fixture.inApi((tx) => readPlanDifference(tx, first.proposalId, {}));
    expect(difference).not.toHaveProperty('refused');
    expectDone(await fixture.review(second, admin2));
    expect(await execute(first.proposalId)).toMatchObject({ status: 'executed' });
    expect(await fixture.planned('closeFloor', { floor: (await fixture.done('addFloor', { name: 'F', rooms: [] })) && 'F' })).toMatchObject(
      {
        status: 'approved',
      },
    );
  });

  it('is in force without a second person once its revision only tightens, as the door sees it too', async () => {
    const first = await sent(looser);
    await askForChanges(first);
    expectDone(await revise(first.proposalId, { document: stricter }));
    expect(await simulated(fixture, first.proposalId)).toMatchObject({ status: 'approved', riskTier: 'low' });
    expect(await execute(first.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('is nobody else’s to revise, nor of its own before changes were requested', async () => {
    const first = await sent(looser);
    expect(await revise(first.proposalId, { document: otherwise })).toMatchObject({ refused: 'not_revisable' });
    await askForChanges(first);
    expect(await revise(first.proposalId, { document: otherwise }, admin2)).toMatchObject({ refused: 'not_proposer' });
    expect(await revise(first.proposalId, { document: otherwise }, keeper1)).toMatchObject({ refused: 'not_proposer' });
  });

  it.each<[string, JsonValue, object]>([
    [
      'no document',
      { policies: {} },
      { refused: 'invalid_parameters', faults: [{ pointer: '/parameters/document' }, { pointer: '/parameters/policies' }] },
    ],
    ['a document that is none', { document: { objectTypes: 1 } }, { refused: 'invalid_ontology' }],
  ])('is refused with a pointer where the revision has %s', async (_, parameters, refusal) => {
    const first = await sent(looser);
    await askForChanges(first);
    expect(await revise(first.proposalId, parameters)).toMatchObject(refusal);
    expect(await fixture.read(first.proposalId, admin)).toMatchObject({ status: 'changes_requested', revision: 1 });
  });

  it('is to be sent again where something else came into force since', async () => {
    const first = await sent(looser);
    await askForChanges(first);
    expectDone(await uploaded(fixture, stricter));
    expect(await revise(first.proposalId, { document: otherwise })).toMatchObject({ refused: 'setting_changed' });
  });
});

it('policies are revised with their cases', async () => {
  const put = (policies: Record<string, string>) => fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps));
  const permitAll = 'permit (principal, action, resource);';
  await carriedOut(
    fixture,
    expectDone(await put({ all: permitAll, few: 'forbid (principal, action == Action::"see", resource) when { principal.id == "x" };' }))
      .proposalId ?? '',
  );
  const { proposalId } = expectDone(await put({ all: permitAll }));
  const first = await simulated(fixture, proposalId ?? '');
  await askForChanges(first);
  const cases = [{ name: 'y', principal: { id: 'y' }, action: 'see', expect: 'deny' }];
  expect(await revise(first.proposalId, { policies: { all: permitAll }, cases })).toMatchObject({
    refused: 'invalid_policies',
    faults: [{ pointer: '/parameters/cases/0' }],
  });
  const policies = { all: permitAll, other: 'forbid (principal, action == Action::"see", resource) when { principal.id == "y" };' };
  expectDone(await revise(first.proposalId, { policies, cases }));
  const second = await simulated(fixture, first.proposalId);
  expectDone(await fixture.review(second, admin2));
  expect(await execute(first.proposalId)).toMatchObject({ status: 'executed' });
  expect(await fixture.inApi((tx) => readPolicies(tx, null, fixture.deps))).toMatchObject({ policies });
});

it('a subscription is revised, and not to a filter that cannot be computed', async () => {
  const wish = { name: 'shop', url: 'https://shop.example/hook', filter: {}, enabled: true, from: 'now', by: admin };
  const box = new SecretBox([Buffer.alloc(32, 9).toString('base64')]);
  const { proposed } = expectDone(await fixture.inApi((tx) => putSubscription(tx, wish, box, fixture.deps)));
  const first = await simulated(fixture, proposed?.proposalId ?? '');
  await askForChanges(first);
  expect(await revise(first.proposalId, { url: wish.url, filter: { condition: 'event.' } })).toMatchObject({
    refused: 'invalid_filter',
    faults: [{ pointer: '/parameters/filter/condition' }],
  });
  expectDone(await revise(first.proposalId, { url: wish.url, filter: { condition: 'event.type == "proposal.created"' } }));
  expect(await simulated(fixture, first.proposalId)).toMatchObject({ status: 'awaiting_approval', revision: 2 });
});

it('a delegation is revised, and stays between the same two ends that it names', async () => {
  const access = caller('access-admin-1');
  await fixture.read((await fixture.planned('askFloor', { name: 'known' })).proposalId, caller('ben', ['visitor']));
  const endsAt = new Date(Date.now() + 86_400_000).toISOString();
  const wish = { id: 'd1', delegate: 'ben', endsAt, reason: 'away', by: keeper1 };
  const { proposed } = expectDone(await fixture.inApi((tx) => putDelegation(tx, wish, fixture.deps)));
  const first = await simulated(fixture, proposed?.proposalId ?? '');
  await askForChanges(first, access);
  expect(await revise(first.proposalId, { delegate: 'ben', delegator: 'officer-1', endsAt, reason: 'away' }, keeper1)).toMatchObject({
    refused: 'invalid_parameters',
    faults: [{ pointer: '/parameters/delegator' }],
  });
  expectDone(await revise(first.proposalId, { delegate: 'ben', endsAt, reason: 'away', actionTypes: ['askFloor'] }, keeper1));
  const second = await simulated(fixture, first.proposalId);
  expectDone(await fixture.review(second, access));
  expect(await execute(first.proposalId)).toMatchObject({ status: 'executed' });
});
