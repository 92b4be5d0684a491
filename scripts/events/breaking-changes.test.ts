import { describe, expect, it } from 'vitest';
import { breakingChanges, breakingChangesOfAll, type Schema } from './breaking-changes.ts';
import { currentSchemas, keptSchemas } from './event-schemas.ts';

describe('what is published of events', () => {
  it('is written down in docs/events: `npm run event-schemas` does that', () => {
    expect(keptSchemas()).toEqual(currentSchemas());
  });
});

const before = {
  type: 'object',
  properties: {
    id: { type: 'string', format: 'uuid' },
    kind: { type: 'string', enum: ['one', 'two'] },
    size: { type: 'integer', minimum: 0 },
    note: { type: 'string' },
    list: { type: 'array', items: { type: 'string' } },
    maybe: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    anything: {},
    nested: { type: 'object', properties: { deep: { type: 'number' } }, required: ['deep'], additionalProperties: {} },
    code: { type: 'string', pattern: '^[a-z]+$', maxLength: 3 },
    byName: { type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'integer' } },
    closed: { type: 'object', properties: { one: { type: 'string' } }, additionalProperties: false },
    form: { anyOf: [{ type: 'object', properties: { one: { type: 'string' } }, required: ['one'] }, { type: 'null' }] },
    both: { type: 'object', properties: { one: { type: 'string' } }, anyOf: [{ required: ['one'] }, { required: ['two'] }] },
  },
  required: ['id', 'kind', 'nested'],
  additionalProperties: {},
} satisfies Schema;

/** The schema with one of its fields replaced, or taken out. */
function changed(name: keyof (typeof before)['properties'], field: Schema | null): Schema {
  const properties: Record<string, Schema> = { ...before.properties };
  if (field === null) delete properties[name];
  else properties[name] = field;
  return { ...before, properties };
}

/** The schema with a field more. */
function withField(name: string, field: Schema, needed: string[] = []): Schema {
  return { ...before, properties: { ...before.properties, [name]: field }, required: [...before.required, ...needed] };
}

describe('a change of a schema', () => {
  it.each<[string, Schema, string]>([
    ['takes a required field away', changed('id', null), '/id: is gone'],
    ['takes an optional field away', changed('note', null), '/note: is gone'],
    ['makes a required field optional', { ...before, required: ['id', 'nested'] }, '/kind: may be missing now'],
    ['makes a text a number', changed('note', { type: 'number' }), '/note: string became number'],
    ['makes a text anything', changed('note', {}), '/note: string became anything'],
    ['lets a text be null', changed('note', { anyOf: [{ type: 'string' }, { type: 'null' }] }), '/note: string became null'],
    ['lets a text be null, said in the other way', changed('note', { type: ['string', 'null'] }), '/note: string became null'],
    ['adds a value to an enumeration', changed('kind', { type: 'string', enum: ['one', 'two', 'three'] }), '/kind: may be three as well'],
    ['makes an enumeration any text', changed('kind', { type: 'string' }), '/kind: may be anything as well'],
    ['drops a format', changed('id', { type: 'string' }), '/id: format uuid is not kept'],
    ['lowers a bound', changed('size', { type: 'integer', minimum: -1 }), '/size: minimum was lowered'],
    ['makes a whole number any', changed('size', { type: 'number', minimum: 0 }), '/size: integer became number'],
    ['changes what a list holds', changed('list', { type: 'array', items: { type: 'integer' } }), '/list/[]: string became integer'],
    [
      'takes a field of a field away',
      changed('nested', { type: 'object', properties: {}, required: [], additionalProperties: {} }),
      '/nested/deep: is gone',
    ],
    [
      'changes what fields of any name hold',
      changed('byName', { type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'string' } }),
      '/byName/*: integer became string',
    ],
    ['gives values that are not of the format', changed('id', { type: 'string', enum: ['hello'] }), '/id: may be hello as well'],
    ['gives a value below a bound', changed('size', { type: 'integer', const: -5 }), '/size: may be -5 as well'],
    ['gives a value of another type', changed('size', { const: 'x' }), '/size: may be x as well'],
    ['gives a value against the pattern', changed('code', { type: 'string', enum: ['ab', 'A1'] }), '/code: may be A1 as well'],
    ['gives a value that is too long', changed('code', { type: 'string', enum: ['abcd'] }), '/code: may be abcd as well'],
    ['gives null beside a value', changed('note', { enum: ['x', null] }), '/note: may be null as well'],
    [
      'adds a field where others were excluded',
      changed('closed', { ...before.properties.closed, properties: { one: { type: 'string' }, two: { type: 'string' } } }),
      '/closed/two: fields may be added that were excluded',
    ],
    [
      'lets others in where they were excluded',
      changed('closed', { ...before.properties.closed, additionalProperties: { type: 'string' } }),
      '/closed: fields may be added that were excluded',
    ],
    [
      'adds a field of another type than fields of any name had',
      changed('byName', { ...before.properties.byName, properties: { more: { type: 'string' } } }),
      '/byName/more: integer became string',
    ],
    ['leaves null alone of what could be null', changed('form', { type: 'null' }), '/form: object is gone'],
    [
      'keeps the looser of two forms alone',
      changed('form', { anyOf: [{ type: 'object', properties: {} }, { type: 'null' }] }),
      '/form/one: is gone',
    ],
    [
      'takes away what stands beside a union',
      changed('both', { type: 'object', anyOf: before.properties.both.anyOf }),
      '/both/one: is gone',
    ],
    [
      'asks less of one form',
      changed('both', { ...before.properties.both, anyOf: [{ required: ['one'] }, {}] }),
      '/both/one: may be missing now',
    ],
    ['holds nothing where there was something', changed('list', { type: 'array', items: false }), '/list/[]: cannot be judged (false)'],
    ['uses words that nobody can judge', { ...before, not: { required: ['note'] } }, '/: cannot be judged (not)'],
  ])('breaks readers where it %s', (_, after, told) => {
    expect(breakingChanges(before, after)).toEqual([told]);
  });

  it('breaks readers where a type is gone', () => {
    expect(breakingChangesOfAll({ one: before, two: before }, { two: before })).toEqual(['one: is gone']);
  });

  it.each<[string, Schema, string]>([
    ['needs a new field', withField('more', { type: 'string' }, ['more']), '/more'],
    ['needs a field that was optional', { ...before, required: [...before.required, 'note'] }, '/note'],
    ['takes a value from an enumeration', changed('kind', { type: 'string', enum: ['one'] }), '/kind'],
    ['leaves a single value', changed('kind', { type: 'string', const: 'two' }), '/kind'],
    ['makes a text an enumeration', changed('note', { type: 'string', enum: ['x'] }), '/note'],
    ['lets no null come any more', changed('maybe', { type: 'string' }), '/maybe'],
    ['makes anything a text', changed('anything', { type: 'string' }), '/anything'],
    ['makes a number whole', changed('nested', { ...before.properties.nested, properties: { deep: { type: 'integer' } } }), '/nested/deep'],
    ['gives a text a pattern', changed('note', { type: 'string', pattern: '^x' }), '/note'],
    ['gives a text a format', changed('note', { type: 'string', format: 'uri' }), '/note'],
    ['raises a bound from below', changed('size', { type: 'integer', minimum: 1 }), '/size'],
    ['gives a bound from above', changed('size', { type: 'integer', minimum: 0, maximum: 9 }), '/size'],
    ['lowers a bound from above', changed('code', { ...before.properties.code, maxLength: 2 }), '/code'],
    ['gives a list a least length', changed('list', { type: 'array', items: { type: 'string' }, minItems: 1 }), '/list'],
    ['lets values come alone that fitted', changed('code', { type: 'string', enum: ['ab', 'abc'] }), '/code'],
    ['shuts out fields of any name', { ...before, additionalProperties: false }, '/'],
  ])('breaks what was sent before where it %s', (_, after, at) => {
    expect(breakingChanges(before, after)).toEqual([`${at}: what was sent before may not fit it`]);
  });

  it('tells of another pattern once, though it breaks both', () => {
    const code = { type: 'string', pattern: '^[a-z]{2}$', maxLength: 3 };
    expect(breakingChanges(before, changed('code', code))).toEqual(['/code: pattern ^[a-z]+$ is not kept']);
  });

  it.each<[string, Schema]>([
    ['nothing', structuredClone(before)],
    ['a new field', withField('more', { type: 'string' })],
    ['a new field of any form', withField('more', { anyOf: [{ type: 'array', items: { type: 'integer' } }, { type: 'null' }] })],
    [
      'a field of the type that fields of any name had',
      changed('byName', { ...before.properties.byName, properties: { more: { type: 'integer' } } }),
    ],
    ['types in a list that were a union', changed('maybe', { type: ['string', 'null'] })],
    ['an enumeration in another order', changed('kind', { type: 'string', enum: ['two', 'one'] })],
    ['other words about it', changed('note', { type: 'string', description: 'Words.', examples: ['x'] })],
  ])('breaks nobody: %s', (_, after) => {
    expect(breakingChanges(before, after)).toEqual([]);
  });

  it('does not break them where a type is added', () => {
    expect(breakingChangesOfAll({ one: before }, { one: before, two: before })).toEqual([]);
  });
});
