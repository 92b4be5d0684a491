// Each kind of value has index keys of its own; a property that takes another kind keeps its values and needs other keys.
import { afterEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { listObjects } from '../../store/list-objects.ts';
import { building, expectDone, type Fixture, openFixture } from './fixture.ts';
import { uploaded } from './govern.ts';

let fixture: Fixture;
afterEach(() => fixture.close());

const kinds = ['string', 'decimal', 'long'] as const;
type Kind = (typeof kinds)[number];
const pairs = kinds.flatMap((from) => kinds.map((to) => [from, to] as const));
const literals: Record<Kind, string> = { string: "'10'", decimal: 'decimal("10")', long: '10' };

/** The building with tags of a size, which values of any kind here can tell as text. */
function withTags(kind: Kind): JsonValue {
  const properties = { code: { type: 'string', required: true }, size: { type: kind, unique: true, indexed: true, description: kind } };
  const parameters = { code: { type: 'string', required: true }, size: { type: kind, required: true } };
  const rules = [{ rule: 'create', type: 'tag', set: { code: 'code', size: 'size' } }];
  const addTag = { parameters, rules, approvalPolicy: 'by-itself' };
  return {
    ...building,
    objectTypes: { ...building.objectTypes, tag: { key: 'code', properties } },
    actionTypes: { ...building.actionTypes, addTag },
  };
}

describe('an indexed and unique property that takes another kind of value', () => {
  it.each(pairs)('is found by its values and stays unique: %s to %s', async (from, to) => {
    fixture = await openFixture(withTags(from));
    await fixture.done('addTag', { code: 'a', size: '9' });
    await fixture.done('addTag', { code: 'b', size: '10' });
    expectDone(await uploaded(fixture, withTags(to)));
    const page = await fixture.inApi((tx) => listObjects(tx, 'tag', { filter: `size == ${literals[to]}` }, fixture.deps));
    expect(expectDone(page).objects.map(({ id }) => id)).toEqual(['b']);
    await expect(fixture.done('addTag', { code: 'c', size: '10' })).rejects.toThrow('expected executed');
  });
});
