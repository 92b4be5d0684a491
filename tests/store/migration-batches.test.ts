// Batches of a migration as ordinary proposals, without the workflow that makes them one after another; on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileOntology } from '../../ontology/compile-ontology.ts';
import type { CompiledObjectType } from '../../ontology/compiled-ontology.ts';
import { diffOntologies } from '../../ontology/diff-ontology.ts';
import { draftMigrations, type MigrationRule } from '../../ontology/draft-migrations.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { nextOffenders } from '../../store/next-offenders.ts';
import { suspectsOf } from '../../store/ontology-breaks.ts';
import { getObject } from '../../store/read-object.ts';
import { admin, building, expectDone, type Fixture, openFixture } from './fixture.ts';
import { uploaded } from './govern.ts';

const rooms = 2_500;
const seated = structuredClone(building);
Object.assign(seated.objectTypes.room.properties.seats, { required: true });
Object.assign(seated.actionTypes.addFloor.parameters.rooms.items.properties.seats, { required: true });
const withRequiredSeats = seated as unknown as JsonValue;
const migrations = [{ objectType: 'room', where: '!has(object.seats)', set: { seats: '4' }, approvalPolicy: 'by-itself' }];

let fixture: Fixture;
let rule: MigrationRule;
let types: { old: CompiledObjectType; now: CompiledObjectType; suspects: string[] };

const compiled = (document: JsonValue) => {
  const outcome = compileOntology(document);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return outcome.ontology;
};
const put = (document: JsonValue) => uploaded(fixture, document);
const next = (after: string | null = null) => fixture.inWorker((tx) => nextOffenders(tx, rule, types, after));
const code = (at: number) => `R${String(at).padStart(4, '0')}`;
const addRooms = (name: string, from: number, to: number) =>
  fixture.done('addFloor', { name, rooms: Array.from({ length: to - from }, (_, at) => ({ code: code(from + at) })) });
const migrate = async (ids: string[]) => {
  const plan = await fixture.planned(rule.actionType, { objects: ids }, admin);
  return executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps);
};
const seatsOf = async (id: string) => expectDone(await fixture.inApi((tx) => getObject(tx, 'room', id))).properties.seats;

beforeAll(async () => {
  fixture = await openFixture();
  for (let from = 0; from < rooms; from += 500) await addRooms(`F${from}`, from, from + 500);
  await fixture.done('setSeats', { room: code(3), seats: 9 });
  const [current, after] = [compiled(building), compiled({ ...seated, migrations })];
  const draft = draftMigrations(current, after, admin.id);
  if (!draft.ok) throw new Error(JSON.stringify(draft.faults));
  rule = draft.rules[0] as MigrationRule;
  const suspects = suspectsOf('/objectTypes/room/properties', diffOntologies(current, after));
  types = {
    old: current.objectTypes.get('room') as CompiledObjectType,
    now: after.objectTypes.get('room') as CompiledObjectType,
    suspects,
  };
  expectDone(await put(draft.ontology.document as unknown as JsonValue));
});
afterAll(() => fixture?.close());

describe('batches of a migration', () => {
  it('are of the objects that do not fit, in the order of their ids, and no larger than what policy alone may approve', async () => {
    const first = await next();
    expect(first.ids).toHaveLength(1000);
    expect(first.ids.slice(0, 4)).toEqual([code(0), code(1), code(2), code(4)]);
    const second = await next(first.after);
    expect(second.ids[0]).toBe(code(1001));
  });

  it('leave an object as it is that somebody brought to fit after it was selected', async () => {
    await fixture.done('setSeats', { room: code(1), seats: 2 });
    expect(await migrate([code(0), code(1)])).toMatchObject({ status: 'executed' });
    expect([await seatsOf(code(0)), await seatsOf(code(1))]).toEqual([4, 2]);
    expect(await migrate([code(0), code(1)])).toMatchObject({ status: 'executed' }); // Nothing is left to write.
  });

  it('are proposed by the principal of the migration alone', async () => {
    expect(await fixture.propose(rule.actionType, { objects: [code(5)] })).toMatchObject({ refused: 'proposer_not_allowed' });
  });

  it('go on with what is left, and make the document fit; what breaks it meanwhile is refused and found again', async () => {
    for (let found = await next(); found.ids.length > 0; found = await next()) {
      expect(await migrate(found.ids)).toMatchObject({ status: 'executed' });
    }
    await addRooms('late', rooms, rooms + 1);
    expect(await put(withRequiredSeats)).toMatchObject({ refused: 'ontology_breaks_data', faults: [{ count: 1 }] });
    const { ids } = await next();
    expect(ids).toEqual([code(rooms)]);
    await migrate(ids);
    expect(await put(withRequiredSeats)).toMatchObject({ accepted: true, breaking: true });
  });
});
