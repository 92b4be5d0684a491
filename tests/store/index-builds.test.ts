// Indexes that are built and dropped beside executions, batch by batch, with clones from tests/support/database.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { advanceIndexes, type IndexProgress, listIndexes } from '../../store/index-builds.ts';
import { building, expectDone, type Fixture, openFixture, shareDatabase } from './fixture.ts';
import { uploaded } from './govern.ts';

shareDatabase();
let fixture: Fixture;
beforeEach(async () => {
  fixture = await openFixture();
  const rooms = Array.from({ length: 10 }, (_, i) => ({ code: `R${i}`, ...(i === 9 ? {} : { seats: i }) }));
  await fixture.done('addFloor', { name: 'F1', rooms });
});
afterEach(() => fixture.close());

type Document = typeof building;
const seatsIndexed = (document: Document) => Object.assign(document.objectTypes.room.properties.seats, { indexed: true });
const asItWas = () => {};

async function upload(change: (document: Document) => void): Promise<void> {
  const document = structuredClone(building);
  change(document);
  expectDone(await uploaded(fixture, document as unknown as JsonValue));
}

const advance = (batch = 3) => advanceIndexes(fixture.worker, fixture.tenant, 'room', batch);
const setSeats = (room: string, seats: number) => fixture.done('setSeats', { room, seats });

async function finish(batch = 3): Promise<IndexProgress[]> {
  const passed: IndexProgress[] = [];
  for (let at = await advance(batch); at !== null; at = await advance(batch)) passed.push(at);
  return passed;
}

const indexOf = async (property: string) =>
  (await fixture.inApi(listIndexes)).find((index) => index.type === 'room' && index.property === property);

const indexRows = `SELECT i.property, i.key, i.object_id FROM exequatur.object_index i WHERE i.type = 'room' ORDER BY 1, 2, 3`;

/** Everything that is in the index is what a rebuild in one piece would put there. */
async function expectWhole(): Promise<void> {
  const { kept, made } = await fixture.inApi(async (tx) => {
    const rows = await tx.rows(indexRows);
    await tx.rows("SELECT exequatur.reindex('room')");
    tx.undo();
    return { kept: rows, made: await tx.rows(indexRows) };
  });
  expect(kept).toEqual(made);
}

const rowsOf = (property: string) =>
  fixture.inApi((tx) =>
    tx.rows<{ object_id: string }>(`SELECT i.object_id FROM exequatur.object_index i WHERE i.type = 'room' AND i.property = $1`, [
      property,
    ]),
  );

/** By an order and by a filter that the index serves. */
const answers = () =>
  fixture.inApi(async (tx) => {
    const ask = (condition: JsonValue, descending: boolean) =>
      tx.rows("SELECT o.id FROM exequatur.list_objects('room', $1::jsonb, 'seats', $2, NULL, NULL, 100) o", [
        JSON.stringify(condition),
        descending,
      ]);
    const at = { property: 'seats' };
    return [
      await ask({ all: [] }, false),
      await ask({ ...at, op: 'ge', value: 4 }, true),
      await ask({ any: [{ ...at, op: 'eq', value: 2 }, { ...at, op: 'lt', value: 1 }] }, false), // biome-ignore format: one query a line.
    ];
  });

describe('a property that becomes indexed', () => {
  it('is built batch by batch, and every query answers the same before, during and after', async () => {
    const before = await answers();
    await upload(seatsIndexed);
    expect(await indexOf('seats')).toMatchObject({ state: 'building', scanned: 0, finishedAt: null });
    expect(await answers()).toEqual(before);
    const states: unknown[] = [];
    for (let at = await advance(); at !== null; at = await advance()) {
      states.push([at.state, at.scanned, at.total]);
      expect(await answers()).toEqual(before);
    }
    expect(states).toEqual([
      ['building', 3, 10],
      ['building', 6, 10],
      ['building', 9, 10],
      ['ready', 10, 10],
    ]);
    expect(await indexOf('seats')).toMatchObject({ state: 'ready', scanned: 10, total: 10, finishedAt: expect.any(String) });
    await expectWhole();
  });

  it('is right whatever is executed between the batches, on objects that were looked at and on others', async () => {
    await upload(seatsIndexed);
    await setSeats('R0', 70);
    await setSeats('R9', 71);
    let round = 0;
    for (let at = await advance(2); at !== null; at = await advance(2)) {
      await setSeats('R1', 100 + round);
      await setSeats('R8', 200 + round);
      await fixture.done('addFloor', { name: `G${round}`, rooms: [{ code: `A${round}`, seats: round }] });
      if (round < 2) await fixture.done('addFloor', { name: `H${round}`, rooms: [{ code: `S${round}`, seats: 3 }] });
      round++;
    }
    expect(round).toBeGreaterThan(4);
    expect(await indexOf('seats')).toMatchObject({ state: 'ready' });
    await expectWhole();
  });

  it('is right when two build it at once beside executions', async () => {
    await upload(seatsIndexed);
    await Promise.all([finish(1), finish(2), setSeats('R2', 50).then(() => setSeats('R7', 51)), setSeats('R5', 52)]);
    expect(await advance()).toBeNull();
    await expectWhole();
  });

  it('is complete at once where the database itself looks into it: a unique property', async () => {
    await upload(seatsIndexed);
    await advance();
    await upload((document) => Object.assign(document.objectTypes.room.properties.seats, { unique: true }));
    expect(await indexOf('seats')).toMatchObject({ state: 'ready', startedAt: null });
    expect(await advance()).toBeNull();
    await expectWhole();
  });

  it('needs no build where there are no objects', async () => {
    await upload((document) => Object.assign(document.objectTypes, { lift: { properties: { load: { type: 'integer' } } } }));
    await upload((document) => Object.assign(document.objectTypes, { lift: { properties: { load: { type: 'integer', indexed: true } } } }));
    expect((await fixture.inApi(listIndexes)).find(({ type }) => type === 'lift')).toMatchObject({ state: 'ready', scanned: null });
  });
});

describe('a property that is no longer indexed', () => {
  beforeEach(async () => {
    await upload(seatsIndexed);
    await finish();
  });

  it('is out of use at once, and its rows go batch by batch', async () => {
    const before = await answers();
    await upload(asItWas);
    expect(await indexOf('seats')).toMatchObject({ state: 'dropping' });
    expect(await answers()).toEqual(before);
    expect((await finish()).map(({ state }) => state)).toEqual(['dropping', 'dropping', 'dropping', 'dropped']);
    expect(await rowsOf('seats')).toEqual([]);
    expect(await indexOf('seats')).toBeUndefined();
  });

  it('and is indexed again before that is done, gets rows that know what happened meanwhile', async () => {
    await upload(asItWas);
    await advance();
    await setSeats('R8', 80);
    await upload(seatsIndexed);
    await setSeats('R7', 81);
    const before = await answers();
    await advance();
    expect(await answers()).toEqual(before);
    await finish();
    expect(await answers()).toEqual(before);
    await expectWhole();
  });

  it('while it was being built, leaves nothing', async () => {
    await upload(asItWas);
    await finish();
    await upload(seatsIndexed);
    await advance();
    await advance();
    await upload(asItWas);
    await setSeats('R1', 90);
    await finish();
    expect(await rowsOf('seats')).toEqual([]);
    await expectWhole();
  });
});

/** Rooms with a size, and lifts that come and go. */
const grown = (size: 'long' | 'decimal', lift?: JsonValue) => (document: Document) => {
  const room = { type: 'reference', to: 'room', required: true };
  Object.assign(document.objectTypes.room.properties, { size: { type: size, indexed: true } });
  Object.assign(document.actionTypes, {
    setSize: {
      parameters: { room, size: { type: size, required: true } },
      rules: [{ rule: 'modify', type: 'room', object: 'room', set: { size: 'size' } }],
      approvalPolicy: 'by-itself',
    },
  });
  if (lift === undefined) return;
  Object.assign(document.objectTypes, { lift: { key: 'name', properties: { name: { type: 'string', required: true }, load: lift } } });
  Object.assign(document.actionTypes, {
    addLift: {
      parameters: { name: { type: 'string', required: true }, load: { type: 'integer', required: true } },
      rules: [{ rule: 'create', type: 'lift', set: { name: 'name', load: 'load' } }],
      approvalPolicy: 'by-itself',
    },
    removeLift: {
      parameters: { lift: { type: 'reference', to: 'lift', required: true } },
      rules: [{ rule: 'delete', type: 'lift', object: 'lift' }],
      approvalPolicy: 'by-itself',
    },
  });
};

it('a property whose type changes so that its keys are made otherwise is built anew, under queries and executions', async () => {
  await upload(grown('long'));
  await finish();
  for (const [i, size] of ['9', '100', '-5', '20'].entries()) await fixture.done('setSize', { room: `R${i}`, size });
  await upload(grown('decimal'));
  expect(await indexOf('size')).toMatchObject({ state: 'building' });
  await advance();
  await fixture.done('setSize', { room: 'R0', size: '9.5' });
  await finish();
  await expectWhole();
});

it('a type that is removed while its index is being dropped leaves nothing, and one of that name begins clean', async () => {
  const indexed = { type: 'integer', indexed: true };
  await upload(grown('long', indexed));
  for (const name of ['L1', 'L2', 'L3']) await fixture.done('addLift', { name, load: 5 });
  await upload(grown('long', { type: 'integer' }));
  for (const lift of ['L1', 'L2', 'L3']) await fixture.done('removeLift', { lift });
  await upload(grown('long'));
  await upload(grown('long', indexed));
  await fixture.done('addLift', { name: 'L4', load: 7 });
  while ((await advanceIndexes(fixture.worker, fixture.tenant, 'lift', 2)) !== null);
  const rows = await fixture.inApi((tx) => tx.rows("SELECT i.object_id AS id FROM exequatur.object_index i WHERE i.type = 'lift'"));
  expect(rows).toEqual([{ id: 'L4' }]);
});
