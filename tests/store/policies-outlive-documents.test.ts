// Documents under which policies in force would say something else, on a clone from tests/support/database.ts.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import type { PolicyCase } from '../../ontology/policy-cases.ts';
import { advanceMigration } from '../../store/advance-migration.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { listMigrations } from '../../store/migrations.ts';
import { policyDigest } from '../../store/plan-policy-change.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { resolveActor } from '../../store/standing.ts';
import { writeUntold } from '../support/write-untold.ts';
import { admin, building, expectDone, type Fixture, openFixture, shareDatabase, simulated } from './fixture.ts';
import { admin2, carriedOut, uploaded } from './govern.ts';

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

  it('takes a value away that a policy names, and not one that adds another', async () => {
    const noted = (...more: string[]) =>
      changed(({ objectTypes }) => Object.assign(objectTypes.room.properties.note ?? {}, { oneOf: ['kept', ...more] }));
    expectDone(await uploaded(fixture, noted('lent')));
    await inForce({ big: forbid('context.plan.touches has room.after.note && context.plan.touches.room.after.note.contains("lent")') });
    expect(await upload(noted())).toMatchObject(refusedFor('policies/big: the value room.note.lent is gone'));
    expectDone(await uploaded(fixture, noted('lent', 'sold')));
    await inForce({ big: forbid('context.plan.touches has room.after.note && context.plan.touches.room.after.note.contains("sold")') });
    expectDone(await uploaded(fixture, building));
  });

  it('closes the texts of a property of which a policy names another', async () => {
    await inForce({ big: forbid('context.plan.touches has room.after.note && context.plan.touches.room.after.note == ["lent"]') });
    const closed = changed(({ objectTypes }) => Object.assign(objectTypes.room.properties.note ?? {}, { oneOf: ['kept', 'lend'] }));
    const [fault] = ((await upload(closed)) as { faults: { message: string }[] }).faults;
    expect(fault?.message).toBe('policies/big: compares with "lent", which there never is at that place; did you mean "lend"?');
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
    const seats = forbid('context.plan.amounts has seats');
    expect(await fixture.inApi((tx) => putPolicies(tx, { policies: { all, seats }, cases }, admin, fixture.deps))).toMatchObject({
      refused: 'invalid_policies',
      faults: [{ pointer: '/cases/0' }],
    });
  });
});

it('a case of policies says of a touched object no value that it never has', async () => {
  const room = { objects: 1, after: { status: ['shut'] } };
  const cases: PolicyCase[] = [
    { name: 'shut', principal: {}, action: 'execute', resource: 'closeRoom', context: { plan: { touches: { room } } }, expect: 'deny' },
  ];
  const big = forbid(
    'context.plan.touches has room.after.status && context.plan.touches.room.after.status != ["open"] && !context.plan.touches.room.after.status.isEmpty()',
  );
  const outcome = await fixture.inApi((tx) => putPolicies(tx, { policies: { all, big }, cases }, admin, fixture.deps));
  expect(outcome).toMatchObject({ refused: 'invalid_policies', faults: [{ pointer: '/cases/0' }] });
});

describe('while objects are migrated to a document', () => {
  const rule = { objectType: 'room', set: { seats: '4' }, approvalPolicy: 'by-itself' };
  /** Requires seats and hides them, and adds a property. */
  const next = {
    ...(changed(({ objectTypes, actionTypes }) => {
      Object.assign(objectTypes.room.properties.seats ?? {}, { sensitive: true, required: true });
      Object.assign(objectTypes.room.properties, { badge: { type: 'string' } });
      Object.assign(actionTypes.setSeats?.parameters.seats ?? {}, { sensitive: true });
      const rooms = actionTypes.addFloor?.parameters.rooms as { items: { properties: { seats: object } } } | undefined;
      Object.assign(rooms?.items.properties.seats ?? {}, { required: true });
    }) as object),
    migrations: [rule],
  } as unknown as JsonValue;
  const byBadge = forbid('context.plan.touches has room.before.badge');
  const put = (big: string) => fixture.inApi((tx) => putPolicies(tx, { policies: { all, big }, cases: [] }, admin, fixture.deps));
  const begin = async () => {
    const { proposalId, migration } = expectDone(await uploaded(fixture, next));
    expect(migration).not.toBeNull();
    return proposalId ?? '';
  };
  const carryThrough = async (id: string) => {
    for (;;) {
      const step = await advanceMigration(fixture.worker, fixture.tenant, id, fixture.deps);
      if (step.kind === 'ended') return step.state;
      await carriedOut(fixture, step.proposalId);
    }
  };

  beforeEach(async () => {
    fixture = await openFixture();
    await fixture.inApi((tx) => resolveActor(tx, admin2));
    await fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'R1' }] });
  });

  it('policies are refused that do not fit it, or the one that comes back where it fails', async () => {
    await begin();
    const pointer = '/policies/big';
    expect(await put(byTouched)).toMatchObject({
      refused: 'invalid_policies',
      faults: [{ pointer, message: 'once the running migration is done: the property room.seats is gone' }],
    });
    expect(await put(byBadge)).toMatchObject({
      refused: 'invalid_policies',
      faults: [{ pointer, message: 'once the running migration fails or is cancelled: the property room.badge is gone' }],
    });
    expect(expectDone(await put(forbid('context.plan.edits.total > 100'))).changed).toBe(true);
  });

  it('so are policies that were approved before it began', async () => {
    await inForce({});
    const { proposalId } = expectDone(
      await fixture.inApi((tx) =>
        putPolicies(
          tx,
          { policies: { all, big: byTouched, more: 'permit (principal, action, resource);' }, cases: [] },
          admin,
          fixture.deps,
        ),
      ),
    );
    const plan = await simulated(fixture, proposalId ?? '');
    expect(plan.status).toBe('awaiting_approval');
    expectDone(await fixture.review(plan, admin2));
    await begin();
    expect((await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps))?.status).not.toBe('executed');
  });

  it('it fails under policies that do not fit it, says which, and is carried through once they are mended', async () => {
    const id = await begin();
    const policies = { all, big: byTouched };
    await writeUntold(
      fixture.database,
      `WITH kept AS (INSERT INTO exequatur.policy_version (tenant_id, version, policies, cases, digest, created_by, created_at)
                     VALUES ($1::uuid, 1, $2, '[]', $3, 'test', now()))
       UPDATE exequatur.tenant_control SET policy_version = 1 WHERE tenant_id = $1::uuid`,
      [fixture.tenant, JSON.stringify(policies), policyDigest({ policies, cases: [] })],
    );
    expect(await carryThrough(id)).toBe('failed');
    expect((await fixture.inApi(listMigrations))[0]).toMatchObject({
      reason: 'the policies in force do not fit the document',
      faults: [{ code: 'invalid_policies', message: 'policies/big: the property room.seats is gone' }],
    });
    await inForce({});
    const { proposalId, digest } = expectDone(await uploaded(fixture, next));
    expect(proposalId).not.toBeNull();
    expect((await fixture.inApi((tx) => fixture.deps.ontologies.load(tx)))?.ontology.digest).toBe(digest);
  });
});
