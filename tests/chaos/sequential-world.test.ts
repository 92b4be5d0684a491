import { beforeEach, describe, expect, it } from 'vitest';
import type { OntologyDocument } from '../../ontology/definition.ts';
import type { Edit } from '../../ontology/plan.ts';
import { differencesOf } from './sequential-replay.ts';
import { SequentialWorld } from './sequential-world.ts';

const code = { type: 'string', required: true } as const;
const document: OntologyDocument = {
  objectTypes: {
    crate: { key: 'code', properties: { code, seal: { type: 'string', unique: true }, on: { type: 'reference', to: 'crate' } } },
    parcel: { key: 'code', properties: { code, weight: { type: 'integer' }, depot: { type: 'string' } } },
  },
  linkTypes: { holds: { from: 'crate', to: 'parcel', cardinality: 'many-to-many' } },
};
const crate = (id: string, more: Record<string, string> = {}): Edit => ({ op: 'create', type: 'crate', id, set: { code: id, ...more } });
const weigh = (before: number, weight: number): Edit => ({
  op: 'modify',
  type: 'parcel',
  id: 'P1',
  set: { weight },
  before: { weight: before },
});
const link = (op: 'link' | 'unlink', from: string): Edit => ({ op, link: 'holds', from, to: 'P1' });
const gone = (id: string, more: Record<string, string> = {}): Edit => ({ op: 'delete', type: 'crate', id, before: { code: id, ...more } });

let world: SequentialWorld;
beforeEach(() => {
  world = new SequentialWorld(document);
  world.apply('first', [
    crate('C1', { seal: 'S1' }),
    { op: 'create', type: 'parcel', id: 'P1', set: { code: 'P1', weight: 1 } },
    link('link', 'C1'),
  ]);
});
const conflict = (type: string, id: string, property: string, because: string) => ({ type, id, property, because });

describe('a world of plans, one after another', () => {
  it('is as before where a deed is taken back that nobody touched since', () => {
    const before = world.there;
    const edits: Edit[] = [
      crate('C2'),
      gone('C1', { seal: 'S1' }),
      { op: 'modify', type: 'parcel', id: 'P1', set: { depot: 'd' }, unset: ['weight'], before: { weight: 1 } },
      link('unlink', 'C1'),
      link('link', 'C2'),
    ];
    expect(world.apply('deed', edits)).toEqual([]);
    expect(world.there).not.toEqual(before);
    expect(world.undo('deed')).toEqual([]);
    expect(world.there).toEqual(before);
  });

  it.each<[string, Edit]>([
    ['what it makes is there', crate('C1')],
    ['what it deletes is not', gone('C9')],
    ['a value was another', weigh(7, 2)],
  ])('tells where %s', (_words, edit) => {
    expect(world.apply('deed', [edit])).toHaveLength(1);
  });

  const all: [string, Edit[], Edit[], object[], string[]?][] = [
    ['a property was changed', [weigh(1, 2)], [weigh(2, 3)], [conflict('parcel', 'P1', 'weight', 'changed')]],
    ['a property was changed to the same value and back', [weigh(1, 2)], [weigh(2, 1)], [conflict('parcel', 'P1', 'weight', 'changed')]],
    [
      'what was made has changed',
      [crate('C2')],
      [{ op: 'modify', type: 'crate', id: 'C2', set: { seal: 'S2' }, before: {} }],
      [conflict('crate', 'C2', '$', 'changed')],
    ],
    [
      'what was deleted is there again',
      [link('unlink', 'C1'), gone('C1', { seal: 'S1' })],
      [crate('C1')],
      [conflict('crate', 'C1', '$', 'changed')],
      ['holds C1 P1'],
    ],
    [
      'a link was taken away',
      [crate('C2'), link('link', 'C2')],
      [link('unlink', 'C2')],
      [conflict('holds', 'C2 P1', '$', 'changed')],
      ['crate C2'],
    ],
    [
      'a unique value is taken, and what depends on it',
      [link('unlink', 'C1'), gone('C1', { seal: 'S1' })],
      [crate('C2', { seal: 'S1' })],
      [conflict('crate', 'C1', '$', 'not_unique'), conflict('holds', 'C1 P1', '$', 'unknown_reference')],
    ],
    [
      'a unique value of a property is taken',
      [{ op: 'modify', type: 'crate', id: 'C1', unset: ['seal'], before: { seal: 'S1' } }],
      [crate('C2', { seal: 'S1' })],
      [conflict('crate', 'C1', 'seal', 'not_unique')],
    ],
    ['what was made is referred to', [crate('C2')], [crate('C3', { on: 'C2' })], [conflict('crate', 'C2', '$', 'still_referenced')]],
    ['what was made is linked', [crate('C2')], [link('link', 'C2')], [conflict('crate', 'C2', '$', 'still_referenced')]],
  ];

  it.each(all)('leaves as it is what stands in the way of taking it back: %s', (_words, deed, others, expected, putBack = []) => {
    expect(world.apply('deed', deed)).toEqual([]);
    expect(world.apply('others', others)).toEqual([]);
    const meanwhile = world.there;
    expect(world.undo('deed')).toEqual(expected);
    expect(differencesOf(world.there, meanwhile).map((difference) => difference.split(':')[0])).toEqual(putBack);
  });
});
