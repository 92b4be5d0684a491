// Definitions against a real catalogue, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { advanceIndexes } from '../../store/index-builds.ts';
import { getActionType, listActionTypes, listObjectTypes } from '../../store/list-types.ts';
import { readOntology } from '../../store/ontology-versions.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { admin, building, caller, expectDone, type Fixture, keeper1, openFixture, simulated } from './fixture.ts';
import { carriedOut, uploaded } from './govern.ts';

let fixture: Fixture;
const put = (document: JsonValue, by = admin) => uploaded(fixture, document, { by });
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
    expect(await fixture.inApi((tx) => getActionType(tx, 'join', fixture.deps))).toEqual({ refused: 'not_found' });
    expect(await fixture.propose('join', { a: 'x', b: 'y' })).toMatchObject({ refused: 'unknown_action_type' });
    expect(expectDone(await put(building)).actionTypes).toMatchObject({ join: 1 });
  });

  it('are those of one where two upload at once, and the other is told to look again', async () => {
    const coloured = (name: string) => changed((copy) => Object.assign(copy.objectTypes.room.properties, { [name]: { type: 'string' } }));
    const propose = (document: JsonValue) => fixture.inApi((tx) => putOntology(tx, document, admin, fixture.deps));
    const [one, other] = (await Promise.all([propose(coloured('colour')), propose(coloured('paint'))])).map(expectDone);
    expect(await carriedOut(fixture, one?.proposalId ?? '')).toMatchObject({ status: 'executed' });
    const late = await carriedOut(fixture, other?.proposalId ?? '');
    expect(late).toMatchObject({ status: 'invalid', failure: { code: 'setting_changed' } });
  });

  it('are one proposal, however often they are sent while it is open', async () => {
    const document = changed((copy) => Object.assign(copy.actionTypes.setSeats, { limits: { edits: 20_000 } }));
    const propose = () => fixture.inApi((tx) => putOntology(tx, document, admin, fixture.deps));
    const first = expectDone(await propose());
    expect(first.loosens).toMatchObject([{ pointer: '/actionTypes/setSeats/limits/edits' }]);
    expect(expectDone(await propose()).proposalId).toBe(first.proposalId);
    expect(await simulated(fixture, first.proposalId ?? '')).toMatchObject({ status: 'awaiting_approval' });
    expect(await executeProposal(fixture.worker, fixture.tenant, first.proposalId ?? '', fixture.deps)).toMatchObject({
      status: 'awaiting_approval',
    });
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

  it('are not executed where an execution comes between the plan and that', async () => {
    expectDone(await put(building));
    const atMostNine = changed((document) => Object.assign(document.objectTypes.room.properties.seats, { maximum: 9 }));
    const proposed = expectDone(await fixture.inApi((tx) => putOntology(tx, atMostNine, admin, fixture.deps)));
    const id = proposed.proposalId ?? '';
    expect(await simulated(fixture, id)).toMatchObject({ status: 'approved' });
    await fixture.done('setSeats', { room: 'A1', seats: 12 });
    expect(await executeProposal(fixture.worker, fixture.tenant, id, fixture.deps)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, id)).toMatchObject({
      status: 'invalid',
      failure: { code: 'ontology_breaks_data', faults: [{ objects: [{ id: 'A1' }], count: 1 }] },
    });
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
