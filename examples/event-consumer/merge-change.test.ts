import { expect, it } from 'vitest';
import { merged, unknownObject } from './merge-change.ts';

type Change = [type: string, version: number, set?: Record<string, unknown>, unset?: string[]];
const after = (...changes: Change[]) =>
  changes.reduce((copy, [type, version, set = {}, unset = []]) => merged(copy, `object.${type}`, { version, set, unset }), unknownObject);
const ordersOf = <T>(all: T[]): T[][] =>
  all.length < 2 ? [all] : all.flatMap((first, at) => ordersOf(all.toSpliced(at, 1)).map((rest) => [first, ...rest]));

const life: Change[] = [
  ['created', 1, { name: 'A', seats: 1 }],
  ['modified', 2, { seats: 2, note: 'x' }],
  ['modified', 3, { seats: 3 }, ['note']],
];

it('a copy has of each property what the last change of it said, in whatever order changes come', () => {
  for (const order of ordersOf(life))
    expect(after(...order)).toMatchObject({ version: 3, deleted: 0, properties: { name: 'A', seats: 3 } });
  expect(after(...life).properties).not.toHaveProperty('note');
});

it('a change that comes late keeps what no later one touched', () => {
  expect(after(['created', 1, { seats: 1 }], ['modified', 3, { seats: 3 }], ['modified', 2, { seats: 2, note: 'x' }]).properties).toEqual({
    seats: 3,
    note: 'x',
  });
});

it('what was deleted does not come back by what was before, and is there again where it was created anew', () => {
  const deleted: Change[] = [...life, ['deleted', 4]];
  for (const order of ordersOf(deleted)) expect(after(...order)).toEqual({ version: 4, deleted: 4, properties: {}, changed: {} });
  for (const order of ordersOf([...deleted, ['created', 5, { name: 'B' }] as Change]))
    expect(after(...order)).toMatchObject({ version: 5, deleted: 4, properties: { name: 'B' } });
});
