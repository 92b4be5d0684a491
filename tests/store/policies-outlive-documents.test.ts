// Documents under which policies in force would say something else, on a clone from tests/support/database.ts.
import { beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import type { PolicyCase } from '../../ontology/policy-cases.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { resolveActor } from '../../store/standing.ts';
import { admin, building, expectDone, type Fixture, openFixture, shareDatabase, simulated } from './fixture.ts';
import { admin2, carriedOut } from './govern.ts';

const all = 'permit (principal, action, resource);';
const forbid = (condition: string) => `forbid (principal, action == Action::"execute", resource) when { ${condition} };`;
const byAmount = forbid('context.plan.amounts has seats && context.plan.amounts.seats > 30');
const byTouched = forbid('context.plan.touches has room.before.seats && context.plan.touches.room.before.seats.most > 30');
let fixture: Fixture;

shareDatabase();
beforeAll(async () => {
  fixture = await openFixture();
  await fixture.inApi((tx) => resolveActor(tx, admin2));
});

const inForce = async (more: Record<string, string>, cases: PolicyCase[] = []) => {
  const { proposalId } = expectDone(
    await fixture.inApi((tx) => putPolicies(tx, { policies: { all, ...more }, cases }, admin, fixture.deps)),
  );
  if (proposalId !== null) await carriedOut(fixture, proposalId);
};

type Loose = {
  objectTypes: { room: { properties: Record<string, object> } };
  actionTypes: Record<string, { parameters: Record<string, object> }>;
};
/** The document in force, changed. */
function changed(change: (copy: Loose) => void): JsonValue {
  const copy = structuredClone(building) as unknown as Loose;
  change(copy);
  return copy as unknown as JsonValue;
}
const hidden = changed(({ objectTypes, actionTypes }) => {
  Object.assign(objectTypes.room.properties.seats ?? {}, { sensitive: true });
  Object.assign(actionTypes.setSeats?.parameters.seats ?? {}, { sensitive: true });
});
const upload = (document: JsonValue) => fixture.inApi((tx) => putOntology(tx, document, admin, fixture.deps));
const refusedFor = (message: string) => ({ refused: 'invalid_policies', faults: [{ code: 'invalid_policies', message }] });

describe('a document is refused that', () => {
  it.each([
    ['makes an amount sensitive by which a policy goes', byAmount, 'policies/big: the amount seats is gone'],
    ['does so of a property', byTouched, 'policies/big: the property room.seats is gone'],
  ])('%s', async (_, big, message) => {
    await inForce({ big });
    expect(await upload(hidden)).toMatchObject(refusedFor(message));
  });

  it('has no more what a case of the policies is about', async () => {
    const cases: PolicyCase[] = [{ name: 'rooms are closed', principal: {}, action: 'execute', resource: 'closeRoom', expect: 'allow' }];
    await inForce({}, cases);
    const without = changed(({ actionTypes }) => Reflect.deleteProperty(actionTypes, 'closeRoom'));
    expect(await upload(without)).toMatchObject(refusedFor('cases/0/resource: must name an action type'));
  });

  it('would so do under policies that came before it was executed', async () => {
    await inForce({});
    const { proposalId, loosens } = expectDone(
      await upload(
        changed(({ objectTypes, actionTypes }) => {
          Object.assign(objectTypes.room.properties.seats ?? {}, { sensitive: true });
          Reflect.deleteProperty(actionTypes, 'setSeats');
          Object.assign(actionTypes, { more: { ...actionTypes.askFloor } });
        }),
      ),
    );
    expect(loosens.length).toBeGreaterThan(0);
    const plan = await simulated(fixture, proposalId ?? '');
    await inForce({ big: byTouched });
    expectDone(await fixture.review(plan, admin2));
    expect((await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps))?.status).not.toBe('executed');
  });
});

describe('a case of policies', () => {
  it('tells a policy nothing that no plan would tell it', async () => {
    const cases: PolicyCase[] = [
      {
        name: 'an amount',
        principal: {},
        action: 'execute',
        resource: 'setSeats',
        context: { plan: { amounts: { chairs: 40 } } },
        expect: 'deny',
      },
    ];
    const chairs = forbid('context.plan.amounts has chairs');
    expect(await fixture.inApi((tx) => putPolicies(tx, { policies: { all, chairs }, cases }, admin, fixture.deps))).toMatchObject({
      refused: 'invalid_policies',
      faults: [{ pointer: '/cases/0' }],
    });
  });
});
