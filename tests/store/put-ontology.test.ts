// Definitions against a real catalogue, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { advanceIndexes } from '../../store/index-builds.ts';
import { getActionType, listActionTypes, listObjectTypes } from '../../store/list-types.ts';
import { readOntology } from '../../store/ontology-versions.ts';
import { putOntology } from '../../store/put-ontology.ts';
import type { PrismaTx } from '../../store/sql.ts';
import { admin, building, caller, expectDone, type Fixture, keeper1, openFixture } from './fixture.ts';

let fixture: Fixture;
const put = (document: JsonValue, by = admin) => fixture.inApi((tx) => putOntology(tx, document, by, fixture.deps));
/** The document with one part of it replaced. */
const changed = (change: (document: typeof building) => void): JsonValue => {
  const copy = structuredClone(building);
  change(copy);
  return copy as JsonValue;
};

beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

describe('definitions', () => {
  it('are for ontology admins', async () => {
    expect(await put(building, keeper1)).toEqual({ refused: 'forbidden' });
    expect(await put(building, caller('agent-9', ['ontology-admin'], { kind: 'agent' }))).toEqual({ refused: 'forbidden' });
  });

  it('are not written again when they are the same', async () => {
    expect(await put(building)).toMatchObject({ version: 1, changed: false, actionTypes: { addFloor: 1 } });
  });

  it('are refused with a pointer for each fault', async () => {
    const refused = await put(changed((document) => Object.assign(document.actionTypes.closeRoom, { approvalPolicy: 'none' })));
    expect(refused).toMatchObject({ refused: 'invalid_ontology', faults: [{ pointer: '/actionTypes/closeRoom/approvalPolicy' }] });
  });

  it('raise the version of those action types alone whose meaning changed', async () => {
    const accepted = expectDone(
      await put(changed((document) => Object.assign(document.actionTypes.setSeats, { riskTier: 'high', title: 'Seats' }))),
    );
    expect(accepted).toMatchObject({ version: 2, changed: true });
    const { setSeats, ...others } = accepted.actionTypes;
    expect(setSeats).toBe(2);
    expect(new Set(Object.values(others))).toEqual(new Set([1]));
    const titled = expectDone(
      await put(changed((document) => Object.assign(document.actionTypes.setSeats, { riskTier: 'high', title: 'How many seats' }))),
    );
    expect(titled).toMatchObject({ version: 3, changed: true, actionTypes: { setSeats: 2 } });
  });

  it('retire an action type that is gone, and take it back at its version', async () => {
    expectDone(await put(changed((document) => Reflect.deleteProperty(document.actionTypes, 'join'))));
    expect(await fixture.inApi((tx) => getActionType(tx, 'join', fixture.deps))).toEqual({ refused: 'unknown_action_type' });
    expect(await fixture.propose('join', { a: 'x', b: 'y' })).toEqual({ refused: 'unknown_action_type' });
    expect(expectDone(await put(building)).actionTypes).toMatchObject({ join: 1 });
  });

  it('are accepted once when two upload at once', async () => {
    const document = changed((copy) => Object.assign(copy.objectTypes.room.properties, { colour: { type: 'string' } }));
    const answers = (await Promise.all([put(document), put(document)])).map(expectDone);
    expect(answers.map(({ changed }) => changed).sort()).toEqual([false, true]);
    expect(new Set(answers.map(({ version }) => version)).size).toBe(1);
  });

  it('can be read as they were accepted', async () => {
    const stored = await fixture.inApi((tx) => readOntology(tx));
    expect(stored).toMatchObject({ createdBy: 'ontology-admin-1', document: { objectTypes: { room: { key: 'code' } } } });
    const types = await fixture.inApi((tx) => listObjectTypes(tx, fixture.deps));
    expect(types.map(({ name, links }) => [name, Object.keys(links)])).toEqual([
      ['floor', ['neighbours', 'rooms'].slice(1)],
      ['room', ['neighbours', 'rooms']],
    ]);
    const actions = await fixture.inApi((tx) => listActionTypes(tx, fixture.deps));
    expect(actions.find(({ name }) => name === 'closeRoom')).toMatchObject({
      parametersSchema: { required: ['room'] },
      riskTier: 'medium',
    });
  });
});

describe('definitions that data would not fit', () => {
  it('are refused with a pointer at what stands against them, and leave the old ones in force', async () => {
    expectDone(await put(building));
    await fixture.done('addFloor', { name: 'A', rooms: [{ code: 'A1', seats: 4 }, { code: 'A2' }] });
    await fixture.done('join', { a: 'A1', b: 'A2' });
    const cases: [pointer: string, change: (document: typeof building) => void][] = [
      ['/objectTypes/room/properties/seats', (document) => Reflect.deleteProperty(document.objectTypes.room.properties, 'seats')],
      ['/objectTypes/room/properties/seats', (document) => Object.assign(document.objectTypes.room.properties.seats, { required: true })],
      ['/objectTypes/room/properties/seats', (document) => Object.assign(document.objectTypes.room.properties.seats, { maximum: 3 })],
      [
        '/objectTypes/room/properties/status',
        (document) => Object.assign(document.objectTypes.room.properties.status, { values: ['closed'], default: 'closed' }),
      ],
      ['/linkTypes/neighbours', (document) => Object.assign(document.linkTypes.neighbours, { to: 'floor' })],
      ['/linkTypes/rooms/cardinality', (document) => Object.assign(document.linkTypes.rooms, { cardinality: 'one-to-one' })],
    ];
    for (const [pointer, change] of cases) {
      // Rules that would no longer compile are beside the point here.
      const document = changed((copy) => {
        for (const name of ['addFloor', 'setSeats', 'closeRoom', 'closeFloor', 'noteUse', 'join'])
          Reflect.deleteProperty(copy.actionTypes, name);
        change(copy);
      });
      expect(await put(document)).toMatchObject({ refused: 'ontology_breaks_data', faults: [{ code: 'ontology_breaks_data', pointer }] });
    }
    expect(await fixture.inApi((tx) => getActionType(tx, 'addFloor', fixture.deps))).toMatchObject({ name: 'addFloor' });
  });

  it('are refused where an execution comes between the look at the data and the lock', async () => {
    expectDone(await put(building));
    const atMostNine = changed((document) => Object.assign(document.objectTypes.room.properties.seats, { maximum: 9 }));
    let came = 0;
    const between = async () => {
      came++;
      await fixture.done('setSeats', { room: 'A1', seats: 12 });
    };
    const outcome = await fixture.inApi((tx) => putOntology(interrupted(tx, between), atMostNine, admin, fixture.deps));
    expect([outcome, came]).toMatchObject([{ refused: 'ontology_breaks_data', faults: [{ objects: [{ id: 'A1' }], count: 1 }] }, 1]);
    await fixture.done('setSeats', { room: 'A1', seats: 4 });
  });

  it('are taken where no object stands against them, and index what is now to be indexed', async () => {
    expectDone(await put(changed((document) => Object.assign(document.objectTypes.room.properties.seats, { indexed: true }))));
    while ((await advanceIndexes(fixture.worker, fixture.tenant, 'room')) !== null); // As the workflow does.
    const rows = await fixture.inApi((tx) =>
      tx.rows(`SELECT object_id FROM exequatur.object_index WHERE type = 'room' AND property = 'seats'`),
    );
    expect(rows).toEqual([{ object_id: 'A1' }]);
  });
});

/** The same transaction, in which something happens right before it asks to hold the definitions alone. */
function interrupted(tx: PrismaTx, happening: () => Promise<void>): PrismaTx {
  const rows: PrismaTx['rows'] = async (text, values) => {
    if (text.includes('pg_advisory_xact_lock(')) await happening();
    return tx.rows(text, values);
  };
  return new Proxy(tx, { get: (target, name) => (name === 'rows' ? rows : bound(target, name)) });
}

function bound(target: PrismaTx, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name);
  return typeof member === 'function' ? member.bind(target) : member;
}
