import { describe, expect, it } from 'vitest';
import { compileOntology } from './compile-ontology.ts';
import type { CompiledObjectType } from './compiled-ontology.ts';
import { defineOntology, property } from './define.ts';
import type { JsonObject } from './json.ts';
import type { Edit } from './plan.ts';
import { touchedObjects } from './touched-objects.ts';

const compiled = compileOntology(
  defineOntology({
    objectTypes: {
      room: {
        title: 'Room',
        properties: {
          status: property.string(),
          tags: property.list(property.string()),
          heated: property.boolean(),
          seats: property.integer(),
          rent: property.decimal(),
          tenant: property.string({ sensitive: true }),
          where: property.geopoint(),
        },
      },
    },
    linkTypes: {},
    approvalPolicies: {},
    actionTypes: {},
  }),
);
if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
const types: ReadonlyMap<string, CompiledObjectType> = compiled.ontology.objectTypes;

const look = (edits: Edit[], live: Record<string, JsonObject> = {}, counts = countsOf(edits)) =>
  touchedObjects(edits, counts, types, (_type, id) => live[id]);

function countsOf(edits: Edit[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const edit of edits) if ('type' in edit) counts[edit.type] = (counts[edit.type] ?? 0) + 1;
  return counts;
}

const modify = (id: string, before: JsonObject, set: JsonObject, unset: string[] = []): Edit => ({
  ...{ op: 'modify', type: 'room', id, set, before },
  ...(unset.length > 0 ? { unset } : {}),
});

describe('the objects that a plan touches', () => {
  it('have the values that it writes as they were and as they become, and the others as they are', () => {
    const edits = [modify('a', { status: 'open' }, { status: 'closed' }), modify('b', { heated: true }, {}, ['heated'])];
    const live = { a: { status: 'open', seats: 3, rent: '10.2' }, b: { status: 'held', heated: true, seats: 40 } };
    expect(look(edits, live)).toEqual({
      room: {
        objects: 2,
        ids: ['a', 'b'],
        cut: false,
        before: { status: ['held', 'open'], heated: [true], seats: { least: 3, most: 40 }, rent: { least: 10, most: 11 } },
        after: { status: ['closed', 'held'], seats: { least: 3, most: 40 }, rent: { least: 10, most: 11 } },
      },
    });
  });

  it('go by the plan where the object has moved on since', () => {
    const found = look([modify('a', { status: 'open' }, { status: 'closed' })], { a: { status: 'closed' } });
    expect(found.room).toMatchObject({ before: { status: ['open'] }, after: { status: ['closed'] } });
  });

  it('have nothing before they are created and nothing after they are deleted', () => {
    const edits: Edit[] = [
      { op: 'create', type: 'room', id: 'a', set: { status: 'new', tags: ['x', 'y'] } },
      { op: 'delete', type: 'room', id: 'b', before: { status: 'old', seats: 2 } },
    ];
    expect(look(edits).room).toMatchObject({
      before: { status: ['old'], seats: { least: 2, most: 2 } },
      after: { status: ['new'], tags: ['x', 'y'] },
    });
  });

  it('never show a sensitive value', () => {
    const edits: Edit[] = [modify('a', { tenant: 'Smith' }, { tenant: 'Jones' })];
    const found = look(edits, { a: { tenant: 'Smith', status: 'open' } });
    expect(JSON.stringify(found)).not.toMatch(/Smith|Jones/);
  });

  it.each<[string, Edit[], Record<string, JsonObject>, Record<string, number> | undefined]>([
    ['more objects than were looked at', [modify('a', {}, { status: 'x' })], { a: {} }, { room: 2 }],
    ['an object that is gone', [modify('a', {}, { status: 'x' })], {}, undefined],
    ['a long text', [modify('a', {}, { status: 'x'.repeat(201) })], { a: {} }, undefined],
    ['a value that only an answer will say', [modify('a', {}, { seats: { $slot: 'seats' } })], { a: {} }, undefined],
    ['more values than anybody names', [modify('a', {}, { tags: Array.from({ length: 101 }, (_, at) => `${at}`) })], { a: {} }, undefined],
  ])('say that something is left out where there is %s', (_name, edits, live, counts) => {
    expect(look(edits, live, counts).room?.cut).toBe(true);
  });

  it('are the same whatever the order of the edits, and bounded as a whole', () => {
    const edits = Array.from(
      { length: 2_000 },
      (_, at): Edit => ({ op: 'create', type: 'room', id: `r${at}`, set: { status: `s${at}`, tags: [`t${at}`] } }),
    );
    const found = look(edits);
    expect(look([...edits].reverse())).toEqual(found);
    expect(found.room).toMatchObject({ objects: 2_000, cut: true });
    expect(found.room?.ids).toHaveLength(100);
    expect(found.room?.after.status).toHaveLength(100);
  });
});
