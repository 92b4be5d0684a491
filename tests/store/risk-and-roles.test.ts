// Changes that ask less by saying more, or by taking away; on a clone from tests/support/database.ts.
import { afterEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { changePrincipal } from '../../store/change-principal.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { resolveActor } from '../../store/standing.ts';
import { admin, building, caller, expectDone, type Fixture, keeper1, openFixture, simulated } from './fixture.ts';
import { carriedOut } from './govern.ts';

let fixture: Fixture;
afterEach(() => fixture.close());

const changed = (from: typeof building, change: (document: typeof building) => void): typeof building => {
  const copy = structuredClone(from);
  change(copy);
  return copy;
};
const skipping = changed(building, (copy) =>
  Object.assign(copy.approvalPolicies['two-stage'].stages[1] ?? {}, { when: "plan.riskTier != 'high'" }),
);
const riskier = (from: typeof building) => changed(from, (copy) => Object.assign(copy.actionTypes.closeRoom, { riskTier: 'high' }));
const put = async (document: typeof building) =>
  expectDone(await fixture.inApi((tx) => putOntology(tx, document as unknown as JsonValue, admin, fixture.deps)));
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const all = 'permit (principal, action, resource);';
const putInForce = async (policies: Record<string, string>) => {
  const upload = expectDone(await fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps)));
  expect(await carriedOut(fixture, upload.proposalId ?? '')).toMatchObject({ status: 'executed' });
};
const byRisk = `forbid (principal, action == Action::"execute", resource) when { context.plan.riskTier == "medium" && context.approvals < 3 };`;

describe('a higher risk tier', () => {
  it('takes two people where a stage falls away by it', async () => {
    fixture = await openFixture(skipping as unknown as JsonValue);
    const { proposalId, loosens } = await put(riskier(skipping));
    expect(loosens).toMatchObject([{ pointer: '/actionTypes/closeRoom/riskTier' }]);
    expect(await simulated(fixture, proposalId ?? '')).toMatchObject({ status: 'awaiting_approval' });
  });

  it('takes two people where policies go by it, and one where nothing does', async () => {
    fixture = await openFixture();
    expect((await put(riskier(building))).loosens).toEqual([]);
    await putInForce({ all, byRisk });
    expect((await put(riskier(building))).loosens).toMatchObject([{ pointer: '/actionTypes/closeRoom/riskTier' }]);
  });

  it('that was alone when it was proposed is looked at again where policies go by it since', async () => {
    fixture = await openFixture();
    const { proposalId } = await put(riskier(building));
    expect(await simulated(fixture, proposalId ?? '')).toMatchObject({ status: 'approved' });
    await putInForce({ all, byRisk });
    expect(await execute(proposalId ?? '')).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, proposalId ?? '')).toMatchObject({ status: 'awaiting_approval' });
    expect(await execute(proposalId ?? '')).toMatchObject({ status: 'awaiting_approval' });
  });
});

describe('a role or a team less', () => {
  const say = async (change: PrincipalChange, id = keeper1.id) =>
    expectDone(await fixture.inApi((tx) => changePrincipal(tx, { id, change, by: caller('access-admin-1') }, fixture.deps)));
  const known = async (document: typeof building = building) => {
    fixture = await openFixture(document as unknown as JsonValue);
    await fixture.inApi((tx) => resolveActor(tx, caller(keeper1.id, ['keeper', 'trainee'])));
  };

  it('is in force with the answer under the built-in policies, and under those that spare whoever has it', async () => {
    await known();
    expect(await say({ roles: ['keeper'] })).toMatchObject({ loosens: [], proposed: null });
    await putInForce({ all, spared: 'forbid (principal, action == Action::"execute", resource) unless { principal in Role::"keeper" };' });
    expect(await say({ roles: [] })).toMatchObject({ loosens: [], proposed: null });
  });

  it('takes two people where a policy forbids something to those who have it, and to disable them takes one', async () => {
    await known();
    await putInForce({ all, trainees: 'forbid (principal in Role::"trainee", action == Action::"review", resource);' });
    const { loosens, proposed, view } = await say({ roles: ['keeper'] });
    expect(loosens).toMatchObject([{ pointer: '/roles' }]);
    expect(view?.roles.map((role) => (typeof role === 'string' ? role : role.role))).toEqual(['keeper', 'trainee']);
    expect(await simulated(fixture, proposed?.proposalId ?? '')).toMatchObject({ status: 'awaiting_approval' });
    expect(await say({ roles: ['trainee'] })).toMatchObject({ loosens: [], proposed: null });
    expect(await say({ disabled: true })).toMatchObject({ loosens: [], proposed: null });
  });

  it('takes two people where an approval policy asks those without it', async () => {
    await known(
      changed(building, (copy) =>
        Object.assign(copy.approvalPolicies['one-keeper'].stages[0]?.thresholds[0] ?? {}, {
          reviewers: "'keeper' in reviewer.roles && !('trainee' in reviewer.roles)",
        }),
      ),
    );
    expect((await say({ roles: ['keeper'] })).loosens).toMatchObject([{ pointer: '/roles' }]);
    expect((await say({ roles: ['trainee'] })).loosens).toEqual([]);
  });
});
