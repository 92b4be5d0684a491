import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listObjects } from '../../store/list-objects.ts';
import { getObjectAsOf } from '../../store/object-as-of.ts';
import { getObject, readHistory } from '../../store/read-object.ts';
import { building, expectDone, type Fixture, openFixture } from './fixture.ts';

const room = { type: 'reference', to: 'room', required: true } as const;
const document = {
  ...building,
  actionTypes: {
    ...building.actionTypes,
    build: {
      parameters: { code: { type: 'string', required: true }, seats: { type: 'integer' } },
      rules: [{ rule: 'create', type: 'room', set: { code: 'code', seats: 'seats' } }],
      approvalPolicy: 'by-itself',
    },
    note: {
      parameters: { room, note: { type: 'string' } },
      rules: [{ rule: 'modify', type: 'room', object: 'room', set: { note: 'note' } }],
      approvalPolicy: 'by-itself',
    },
    raze: { parameters: { room }, rules: [{ rule: 'delete', type: 'room', object: 'room' }], approvalPolicy: 'by-itself' },
  },
};
/** Drawn once: create, change, take away, delete and create again, in an order with every pair of neighbours that there can be. */
const steps = 'bnunrbunbrbrbnnuurbun';

let fixture: Fixture;
const asOf = (at: string, id = 'R', type = 'room') => fixture.inApi((tx) => getObjectAsOf(tx, type, id, at));

beforeAll(async () => {
  fixture = await openFixture(document);
});
afterAll(() => fixture?.close());

describe('an object at a time', () => {
  it('is what it was, at every instant of a life with several deaths', async () => {
    let lives = false;
    const states: object[] = [];
    for (const [at, step] of [...steps].entries()) {
      if (lives === (step === 'b')) continue; // Creating what lives and changing what does not are refused.
      if (step === 'b') await fixture.done('build', { code: 'R', ...(at % 2 === 0 ? {} : { seats: at }) });
      else if (step === 'r') await fixture.done('raze', { room: 'R' });
      else await fixture.done('note', { room: 'R', ...(step === 'n' ? { note: `n${at}` } : {}) });
      lives = step !== 'r';
      const state = await fixture.inApi((tx) => getObject(tx, 'room', 'R'));
      // Taking away what is not there is no edit, and leaves no entry.
      if (JSON.stringify(state) !== JSON.stringify(states.at(-1))) states.push(state);
    }
    const { history } = expectDone(await fixture.inApi((tx) => readHistory(tx, 'room', 'R', { pageSize: 100 })));
    const times = history.map(({ at }) => at).reverse();
    expect(states).toHaveLength(times.length);
    expect(states.filter((state) => 'refused' in state).length).toBeGreaterThan(2);
    for (const [at, time] of times.entries()) {
      expect(await asOf(time), `${at} ${time}`).toEqual(states[at]);
      const before = new Date(Date.parse(time) - 1).toISOString();
      if (before > (times[at - 1] ?? '')) expect(await asOf(before)).toEqual(states[at - 1] ?? { refused: 'not_found' });
    }
  });

  it('is refused for the future, for what never lived and for a type that is not there', async () => {
    expect(await asOf('2999-01-01T00:00:00.000Z')).toMatchObject({ refused: 'malformed_request', faults: [{ pointer: '/asOf' }] });
    expect(await asOf('2001-01-01T00:00:00.000Z')).toEqual({ refused: 'not_found' });
    expect(await asOf('2001-01-01T00:00:00.000Z', 'R', 'ship')).toEqual({ refused: 'unknown_object_type' });
  });
});

describe('a list', () => {
  it('shows the selected properties, and counts over all pages', async () => {
    const list = (query: object) => fixture.inApi((tx) => listObjects(tx, 'room', query, fixture.deps));
    await fixture.done('build', { code: 'S1', seats: 7 });
    await fixture.done('build', { code: 'S2', seats: 8 });
    expect(await list({ filter: 'code.startsWith("S")', select: 'seats', count: true, pageSize: 1 })).toMatchObject({
      objects: [{ id: 'S1', properties: { seats: 7 } }],
      nextPageToken: expect.any(String),
      totalCount: 2,
      totalCountIsLowerBound: false,
    });
    const { objects } = expectDone(await list({ filter: 'code.endsWith("2") && code.contains("S")', select: 'seats, code' }));
    expect(objects.map(({ properties }) => properties)).toEqual([{ code: 'S2', seats: 8 }]);
    expect(await list({ select: 'seats,colour' })).toMatchObject({ refused: 'malformed_request', faults: [{ pointer: '/select' }] });
  });

  it('carries linked objects from either end, by reference and by rows', async () => {
    const list = async (type: string, query: object) =>
      expectDone(await fixture.inApi((tx) => listObjects(tx, type, query, fixture.deps))).objects.map(({ id, properties, links }) => [
        id,
        properties,
        Object.fromEntries(
          Object.entries(links ?? {}).map(([name, linked]) => [name, [linked.objects.map((far) => far.id), linked.truncated]]),
        ),
      ]);
    const codes = Array.from({ length: 101 }, (_, at) => `F${at + 100}`);
    await fixture.done('addFloor', { name: 'full', rooms: codes.map((code) => ({ code })) });
    await fixture.done('addFloor', { name: 'empty', rooms: [] });
    await fixture.done('addFloor', { name: 'small', rooms: [{ code: 'G1' }, { code: 'G2' }] });
    await fixture.done('join', { a: 'G1', b: 'G2' });
    expect(await list('floor', { expand: 'rooms', select: 'name' })).toEqual([
      ['empty', { name: 'empty' }, { rooms: [[], false] }],
      ['full', { name: 'full' }, { rooms: [codes.slice(0, 100), true] }],
      ['small', { name: 'small' }, { rooms: [['G1', 'G2'], false] }],
    ]);
    expect(await list('room', { filter: 'code.startsWith("G")', expand: 'rooms, neighbours', select: 'code' })).toEqual([
      ['G1', { code: 'G1' }, { rooms: [['small'], false], neighbours: [['G2'], false] }],
      ['G2', { code: 'G2' }, { rooms: [['small'], false], neighbours: [[], false] }],
    ]);
    const wrong = await fixture.inApi((tx) => listObjects(tx, 'room', { expand: 'colour' }, fixture.deps));
    expect(wrong).toMatchObject({ refused: 'malformed_request', faults: [{ pointer: '/expand' }] });
  });
});
