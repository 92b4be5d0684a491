// What governs, and a login or an administrator with ill intent, on a clone from tests/support/database.ts. A login's own SQL, none of ours in between.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import { advanceMigration } from '../../store/advance-migration.ts';
import { removeFreezeWindow, setFreezeWindow } from '../../store/change-freeze-window.ts';
import { putDelegation } from '../../store/put-delegation.ts';
import { type OntologyOutcome, putOntology } from '../../store/put-ontology.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { revokeDelegation } from '../../store/revoke-delegation.ts';
import { resolveActor } from '../../store/standing.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import { admin, building, caller, expectDone, type Fixture, keeper1, openFixture, shareDatabase, simulated } from './fixture.ts';
import { admin2, carriedOut, uploaded } from './govern.ts';
import { simulatedFalsely } from './simulated-falsely.ts';

shareDatabase();
let fixture: Fixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture?.close());

const operator = caller('operator-1');
const forbidden = { code: '42501' };
const stricter = (): JsonValue => {
  const copy = structuredClone(building) as JsonObject & typeof building;
  Object.assign(copy.approvalPolicies['one-keeper'].stages[0]?.thresholds[0] ?? {}, { needed: 3 });
  return copy;
};

const digestInForce = () => fixture.inApi(async (tx) => (await fixture.deps.ontologies.load(tx))?.ontology.digest);

/** A migration that has begun and done nothing yet. Returns the digest in force before, and its id. */
async function migrating(): Promise<[string | undefined, string]> {
  await fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'R1' }] });
  const before = await digestInForce();
  const document = structuredClone(building);
  Object.assign(document.objectTypes.room.properties.seats, { required: true });
  Object.assign(document.actionTypes.addFloor.parameters.rooms.items.properties.seats, { required: true });
  const migrations = [{ objectType: 'room', set: { seats: '4' }, approvalPolicy: 'one-keeper' }];
  const outcome = expectDone(await uploaded(fixture, { ...document, migrations } as unknown as JsonValue)) as OntologyOutcome;
  return [before, outcome.proposalId ?? ''];
}

describe('the worker’s login by itself', () => {
  it('makes of a document that only tightens no other one', async () => {
    const { proposalId } = expectDone(await fixture.inApi((tx) => putOntology(tx, stricter(), admin, fixture.deps)));
    await simulatedFalsely(fixture, proposalId ?? '', 'ontology', (set) => {
      for (const action of (set.definitions as JsonObject).actionTypes as JsonObject[]) {
        Object.assign(action, { digest: 'other', floors: [{ approvals: 0, ceilings: {} }] });
      }
    });
    await expect(executePastTheGate(fixture, proposalId ?? '')).rejects.toMatchObject({ code: 'XQ002' });
  });

  it('makes of policies that only tighten no others', async () => {
    const policies = { all: 'permit (principal, action, resource);' };
    const put = (more: Record<string, string>) =>
      fixture.inApi((tx) => putPolicies(tx, { policies: { ...policies, ...more }, cases: [] }, admin, fixture.deps)).then(expectDone);
    await carriedOut(fixture, (await put({ never: 'forbid (principal, action == Action::"execute", resource);' })).proposalId ?? '');
    const tightening = await put({
      never: 'forbid (principal, action == Action::"execute", resource);',
      more: 'forbid (principal, action == Action::"propose", resource);',
    });
    expect(tightening.loosens).toEqual([]);
    await simulatedFalsely(fixture, tightening.proposalId ?? '', 'policies', (set) =>
      Object.assign(set, { policies: JSON.stringify(policies) }),
    );
    await expect(executePastTheGate(fixture, tightening.proposalId ?? '')).rejects.toMatchObject({ code: 'XQ002' });
  });

  it('puts no document in force before a batch of its migration is through', async () => {
    const [, migration] = await migrating();
    expect(await advanceMigration(fixture.worker, fixture.tenant, migration, fixture.deps)).toMatchObject({ kind: 'batch' });
    for (const outcome of ['done', 'running']) {
      const end = fixture.inWorker((tx) => tx.rows('SELECT exequatur.end_migration($1::uuid, $2, NULL, NULL, NULL)', [migration, outcome]));
      await expect(end).rejects.toMatchObject({ code: 'XQ006' });
    }
  });

  it('puts in force what an administrator sent, as it was sent', async () => {
    const { proposalId } = expectDone(await fixture.inApi((tx) => putOntology(tx, stricter(), admin, fixture.deps)));
    await simulatedFalsely(fixture, proposalId ?? '', 'ontology', () => undefined);
    await executePastTheGate(fixture, proposalId ?? '', undefined, ['ontology.changed']);
    expect((await fixture.read(proposalId ?? '')).status).toBe('executed');
  });
});

describe('the API’s login by itself', () => {
  it('lets nothing go on by giving a thrown switch another name', async () => {
    await fixture.inApi((tx) => putSwitch(tx, { scope: 'tenant', name: 'all', state: 'off', reason: 'smoke', by: operator }, fixture.deps));
    for (const change of ["scope = 'agent'", "name = 'nobody'"])
      await expect(fixture.inApi((tx) => tx.rows(`UPDATE exequatur.switch SET ${change}`))).rejects.toMatchObject(forbidden);
  });

  it('brings no delegation back that was revoked', async () => {
    for (const one of [admin2, keeper1]) await fixture.inApi((tx) => resolveActor(tx, one));
    const endsAt = new Date(Date.now() + 86_400_000).toISOString();
    const grant = { id: 'leave', delegate: keeper1.id, endsAt, reason: 'away', by: admin2 };
    const { proposed } = expectDone(await fixture.inApi((tx) => putDelegation(tx, grant, fixture.deps)));
    await carriedOut(fixture, proposed?.proposalId ?? '', caller('access-admin-1'));
    expectDone(await fixture.inApi((tx) => revokeDelegation(tx, { id: 'leave', by: admin2 }, fixture.deps)));
    for (const change of ['revoked_by = NULL, revoked_at = NULL', "revoked_by = 'another'"])
      await expect(fixture.inApi((tx) => tx.rows(`UPDATE exequatur.delegation SET ${change}`))).rejects.toMatchObject({ code: 'XQ011' });
  });

  it('removes no freeze window that nobody asked to have removed', async () => {
    const once = { from: '2020-01-01T00:00:00Z', until: '2999-01-01T00:00:00Z' };
    expectDone(await fixture.inApi((tx) => setFreezeWindow(tx, { name: 'fair', reason: 'fair', once, by: operator }, fixture.deps)));
    await expect(fixture.inApi((tx) => tx.rows('DELETE FROM exequatur.freeze_window'))).rejects.toMatchObject(forbidden);
    const remove = (by: string) =>
      fixture.inApi(async (tx) => {
        tx.audit({ type: 'freeze_window.changed', facts: {} });
        return tx.rows("SELECT exequatur.remove_freeze_window('fair', $1)", [by]);
      });
    await expect(remove(admin.id)).rejects.toMatchObject({ code: 'XQ002' });
    expectDone(await fixture.inApi((tx) => removeFreezeWindow(tx, { name: 'fair', reason: 'over', by: operator }, fixture.deps)));
    for (const by of [operator.id, 'nobody-known']) await expect(remove(by)).rejects.toMatchObject({ code: 'XQ002' });
    await remove(admin.id);
  });

  it('ends no migration, other than by the former document', async () => {
    const [digest, migration] = await migrating();
    const end = (text: string) =>
      fixture.inApi((tx) => {
        tx.audit({ type: 'ontology.migration_ended', facts: {} });
        return tx.rows(text, [migration]);
      });
    await expect(end("SELECT exequatur.end_migration($1::uuid, 'done', NULL, NULL, NULL)")).rejects.toMatchObject(forbidden);
    await end("SELECT exequatur.cancel_migration($1::uuid, 'x', 'x')");
    expect(await digestInForce()).toBe(digest);
  });

  it('makes no index again, by which references and unique values are found', async () => {
    await expect(fixture.inApi((tx) => tx.rows("SELECT exequatur.change_indexes('room', '{}', '{}', '{}')"))).rejects.toMatchObject(
      forbidden,
    );
  });
});

describe('one administrator by themselves', () => {
  const everything = 'permit (principal, action, resource);';
  const but = (condition: string) => `forbid (principal, action == Action::"administer", resource) unless { ${condition} };`;
  const put = (policies: Record<string, string>) =>
    fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps)).then(expectDone);
  beforeEach(async () => {
    for (const one of [admin2, caller('ontology-admin-3')]) await fixture.inApi((tx) => resolveActor(tx, one));
  });

  it.each<[string, string, string[]]>([
    ['leave policies to themselves', `principal.id == "${admin.id}"`, ['/policies']],
    ['do so from some day on', `principal.id == "${admin.id}" || context.now < datetime("2999-01-01")`, ['/policies/but']],
    ['keep one of three from them', 'principal.id != "ontology-admin-3"', []],
    ['keep nobody from them', 'principal in Role::"ontology-admin"', []],
  ])('%s: %s', async (_, condition, pointers) => {
    const { loosens, proposalId } = await put({ everything, but: but(condition) });
    expect(loosens.map(({ pointer }) => pointer)).toEqual(pointers);
    expect((await simulated(fixture, proposalId ?? '')).status).toBe(pointers.length > 0 ? 'awaiting_approval' : 'approved');
  });

  const blinding = (condition: string, resource = 'resource == Tenant::""') =>
    `forbid (principal, action == Action::"see", ${resource}) unless { ${condition} };`;
  it.each<[string, string, string[]]>([
    ['leave seeing to themselves', blinding(`principal.id == "${admin.id}"`), ['/policies/but', '/policies']],
    ['do so from some day on', blinding('context.now < datetime("2999-01-01")'), ['/policies/but']],
    ['do so from some day on in other words', blinding('context == context'), ['/policies/but']],
    ['keep one of three from it', blinding('principal.id != "ontology-admin-3"'), ['/policies/but']],
    ['keep all but themselves from some proposals', blinding(`principal.id == "${admin.id}"`, 'resource is ActionType'), ['/policies/but']],
    ['do so of some plans', blinding('context has plan && context.plan.riskTier == "low"', 'resource is ActionType'), ['/policies/but']],
  ])('%s: %s', async (_, policy, pointers) => {
    const { loosens, proposalId } = await put({ everything, but: policy });
    expect(loosens.map(({ pointer }) => pointer)).toEqual(pointers);
    expect((await simulated(fixture, proposalId ?? '')).status).toBe(pointers.length > 0 ? 'awaiting_approval' : 'approved');
  });

  it('sends no policies under which they would see nothing', async () => {
    const policies = { everything, but: blinding(`principal.id != "${admin.id}"`) };
    expect(await fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps))).toMatchObject({
      refused: 'invalid_policies',
      faults: [{ pointer: '/policies' }],
    });
  });

  it('who is the only administrator leaves nobody else in the dark', async () => {
    for (const id of ['ontology-admin-2', 'ontology-admin-3'])
      expectDone(
        await fixture.inApi((tx) => putPrincipal(tx, { id, change: { disabled: true }, by: caller('access-admin-1') }, fixture.deps)),
      );
    const policies = { everything, but: blinding(`principal.id == "${admin.id}"`) };
    expect((await put(policies)).loosens).toMatchObject([{ message: 'proposals may be hidden from people who could reject them' }]);
  });

  it('is not two by a second identity', async () => {
    const second = caller('ontology-admin-1-at-home', ['ontology-admin']);
    await fixture.inApi((tx) => resolveActor(tx, second));
    const change = { linkedIdentities: [second.id] };
    expectDone(await fixture.inApi((tx) => putPrincipal(tx, { id: admin.id, change, by: caller('access-admin-1') }, fixture.deps)));
    const { loosens } = await put({ everything, but: but(`principal.id == "${admin.id}" || principal.id == "${second.id}"`) });
    expect(loosens).toEqual([{ pointer: '/policies', message: expect.any(String) }]);
  });

  it('who is the only one sends policies as ever', async () => {
    for (const id of ['ontology-admin-2', 'ontology-admin-3'])
      expectDone(
        await fixture.inApi((tx) => putPrincipal(tx, { id, change: { disabled: true }, by: caller('access-admin-1') }, fixture.deps)),
      );
    expect((await put({ everything, but: but(`principal.id == "${admin.id}"`) })).loosens).toEqual([]);
  });
});
