import { describe, expect, it } from 'vitest';
import { type LostName, lostNames } from '../ontology/lost-names.ts';
import type { PolicyVocabulary } from '../ontology/policy-engine.ts';
import { namesLost } from './names-lost.ts';
import { opaPolicies } from './opa.ts';

const before: PolicyVocabulary = {
  actionTypes: ['setSeats'],
  objectTypes: ['room', 'floor'],
  sensitive: ['room.notes'],
  amounts: ['seats'],
  attributes: {
    room: [
      ['seats', 'number'],
      ['name', 'text'],
    ],
    floor: [['name', 'text']],
  },
  values: { floor: { name: ['cellar', 'attic (east)'] } },
  endpoints: ['depot'],
};
const seats: LostName = { of: 'amounts', words: ['seats'] };
const roomSeats: LostName = { of: 'attributes', words: ['room', 'seats'] };
const attic: LostName = { of: 'values', words: ['floor', 'name', 'attic (east)'] };

describe('what another ontology has no more', () => {
  it('is each name, and each attribute by itself', () => {
    expect(lostNames(before, before)).toEqual([]);
    expect(lostNames(before, { ...before, amounts: [], attributes: { ...before.attributes, room: [['name', 'text']] } })).toEqual([
      seats,
      roomSeats,
    ]);
    expect(lostNames(before, { ...before, sensitive: [], endpoints: [] })).toEqual([
      { of: 'sensitive', words: ['room.notes'] },
      { of: 'endpoints', words: ['depot'] },
    ]);
  });

  it('is an attribute that is of another kind', () => {
    const other: PolicyVocabulary = {
      ...before,
      attributes: {
        ...before.attributes,
        room: [
          ['seats', 'text'],
          ['name', 'text'],
        ],
      },
    };
    expect(lostNames(before, other)).toEqual([roomSeats]);
  });

  it('is a value that a property cannot have any longer, and none where it may have any', () => {
    const of = (name: string[]) => ({ ...before, values: { floor: { name } } });
    expect(lostNames(before, of(['cellar', 'roof']))).toEqual([attic]);
    expect(lostNames(before, of(['attic (east)', 'cellar', 'roof']))).toEqual([]);
    expect(lostNames(before, { ...before, values: {} })).toEqual([]);
  });
});

const forbid = (condition: string, resource = 'resource') =>
  `forbid (principal, action == Action::"execute", ${resource}) when { ${condition} };`;
const named = (text: string, lost: LostName) => namesLost({ it: text }, [lost]).length > 0;

describe('a Cedar policy uses', () => {
  it.each<[string, string, LostName]>([
    ['an amount', 'context.plan.amounts has seats && context.plan.amounts.seats > 30', seats],
    ['one that is asked for on the way', 'context.plan has amounts.seats', seats],
    ['one that is written with escapes', 'context.plan.amounts["se\\u{61}ts"] > 30', seats],
    ['one through a choice', '(if true then context.plan else context.plan).amounts has seats', seats],
    ['a property', 'context.plan.touches has room.before.seats', roomSeats],
    ['an object type that is touched', 'context.plan.touches has room', { of: 'objectTypes', words: ['room'] }],
    ['an object type', 'context.plan.objectTypes.contains(ObjectType::"room")', { of: 'objectTypes', words: ['room'] }],
    ['what is sensitive', 'context.plan.sensitive.contains(SensitiveProperty::"room.notes")', { of: 'sensitive', words: ['room.notes'] }],
    [
      'a value',
      'context.plan.touches has floor.before.name && context.plan.touches.floor.before.name.contains("attic\\u{20}(east)")',
      attic,
    ],
    ['an endpoint', 'context.plan.effects.endpoints.contains(Endpoint::"depot")', { of: 'endpoints', words: ['depot'] }],
  ])('%s', (_, condition, lost) => {
    expect(named(forbid(condition), lost)).toBe(true);
  });

  it('an action type in its head', () => {
    expect(named(forbid('true', 'resource == ActionType::"setSeats"'), { of: 'actionTypes', words: ['setSeats'] })).toBe(true);
  });

  it('what cannot be read', () => {
    expect(named('forbid (', seats)).toBe(true);
  });

  it.each<[string, string, LostName]>([
    ['of another type', 'context.plan.touches has floor.before.name', { of: 'attributes', words: ['room', 'name'] }],
    ['in a text', 'principal.id == "seats" && context.plan.amounts has other', seats],
    ['of a value', 'context.plan.touches has floor.before.name && principal.id == "attic"', attic],
    ['that is an amount as well', 'context.plan.amounts has seats', roomSeats],
  ])('no name %s', (_, condition, lost) => {
    expect(named(forbid(condition), lost)).toBe(false);
  });
});

describe('a Rego policy uses', () => {
  const { namesLost: lostIn } = opaPolicies('http://localhost:1');
  it.each([
    ['input.context.plan.amounts.seats > 30', true],
    ['input.context.plan["amounts"]["seats"] > 30', true],
    ['input.context.plan.amounts.more_seats > 30', false],
  ])('a name that is a word of it: %s', (condition, isUsed) => {
    expect(lostIn({ it: `forbid if {\n  ${condition}\n}` }, [seats])).toHaveLength(isUsed ? 1 : 0);
  });

  it.each([
    ['"attic (east)" in names', true],
    ['`attic (east)` in names', true],
    ['"attic east" in names', false],
  ])('a value, whatever characters it has: %s', (condition, isUsed) => {
    expect(lostIn({ it: `forbid if ${condition}` }, [attic])).toHaveLength(isUsed ? 1 : 0);
  });
});
