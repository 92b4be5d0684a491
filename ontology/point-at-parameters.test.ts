import { expect, it } from 'vitest';
import { EditBuilder } from './edit-builder.ts';
import type { JsonObject } from './json.ts';
import type { Fault } from './plan.ts';
import { pointAtParameters } from './point-at-parameters.ts';
import { Refusal } from './refusal.ts';

const builder = new EditBuilder(undefined as never, undefined as never); // It is asked for its drafts alone.
builder.drafts.set('person', new Map([['p1', { op: 'create', values: new Map([['badge', 'B7']]) }]]));

const unknown = (id: string): Fault => ({
  code: 'unknown_reference',
  message: 'x',
  objects: [
    { type: 'person', id: 'p1' },
    { type: 'ward', id },
  ],
});
const doublet: Fault = { code: 'not_unique', message: 'x', objects: [{ type: 'person', id: 'p1', property: 'badge' }] };

const pointerOf = (fault: Fault, parameters: JsonObject) =>
  (pointAtParameters(new Refusal([fault]), parameters, builder) as Refusal).faults[0]?.pointer;

it.each([
  ['a bad reference, at its place', unknown('ZZ'), { people: [{ id: 'p1', ward: 'ZZ' }] }, '/parameters/people/0/ward'],
  ['a doublet, at the later one', doublet, { people: [{ badge: 'B7' }, { badge: 'B7' }] }, '/parameters/people/1/badge'],
  ['an object that is there, at its id', { ...unknown('ZZ'), code: 'object_exists' }, { id: 'ZZ' }, '/parameters/id'],
  ['nothing that stands in two parameters', unknown('ZZ'), { from: 'ZZ', to: 'ZZ' }, undefined],
  ['nothing that stands in none', unknown('ZZ'), { ward: 'A' }, undefined],
  ['nothing of another kind', { ...unknown('ZZ'), code: 'still_referenced' }, { ward: 'ZZ' }, undefined],
  ['where a fault points already', { ...unknown('ZZ'), pointer: '/linkTypes/in' }, { ward: 'ZZ' }, '/linkTypes/in'],
])('points at %s', (_, fault, parameters, pointer) => {
  expect(pointerOf(fault, parameters as JsonObject)).toBe(pointer);
});
