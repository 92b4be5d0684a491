// Every field of every schema that is published, changed in every way that breaks somebody: none of it passes.
import { expect, it } from 'vitest';
import { asyncApiDocument } from '../../api/async-api.ts';
import { breakingChangesOfAll, type Schema } from './breaking-changes.ts';
import { envelopeOf } from './event-envelope.ts';
import { currentSchemas } from './event-schemas.ts';
import { breaksOfReleases, releasedSchemas } from './released-schemas.ts';

const published: Record<string, Record<string, Schema>> = {
  'the data of events': currentSchemas(),
  'what they come in': envelopeOf(asyncApiDocument()),
};

type Fields = Record<string, Schema>;
const fieldsOf = ({ properties = {} }: Schema) => properties as Fields;
const requiredOf = ({ required = [] }: Schema) => required as string[];

function withField(schema: Schema, name: string, field: Schema): Schema {
  return { ...schema, properties: { ...fieldsOf(schema), [name]: field } };
}

function without(schema: Schema, name: string): Schema {
  const { [name]: _, ...properties } = fieldsOf(schema);
  return { ...schema, properties, required: requiredOf(schema).filter((one) => one !== name) };
}

/** The schema with this one of its fields changed, by what is done to it. */
function changesOfField(schema: Schema, name: string, field: Schema): [string, Schema][] {
  const required = requiredOf(schema);
  const isNeeded = required.includes(name);
  const changes: [string, Schema][] = [
    [`${name} taken away`, without(schema, name)],
    [`${name} renamed`, withField(without(schema, name), `${name}Renamed`, field)],
    isNeeded
      ? [`${name} optional`, { ...schema, required: required.filter((one) => one !== name) }]
      : [`${name} required`, { ...schema, required: [...required, name] }],
    ...changesOfValue(field).map(([what, changed]): [string, Schema] => [`${name} ${what}`, withField(schema, name, changed)]),
    ...changesOfSchema(field).map(([what, changed]): [string, Schema] => [`${name}/${what}`, withField(schema, name, changed)]),
  ];
  return changes;
}

function changesOfValue(field: Schema): [string, Schema][] {
  const values = field.enum as unknown[] | undefined;
  const { pattern, maximum, type, const: single } = field;
  const changes: [string, Schema][] = [];
  if (values !== undefined && values.length > 1) changes.push(['with a value less', { ...field, enum: values.slice(1) }]);
  if (values !== undefined) changes.push(['with a value more', { ...field, enum: [...values, 'one more'] }]);
  if (single !== undefined) changes.push(['another value', { ...field, const: `${single} renamed` }]);
  if (pattern !== undefined) changes.push(['of another pattern', { ...field, pattern: `${pattern}x` }]);
  if (typeof maximum === 'number') changes.push(['with a maximum lowered', { ...field, maximum: maximum - 1 }]);
  if (typeof maximum === 'number') changes.push(['with a maximum raised', { ...field, maximum: maximum + 1 }]);
  if (type === 'string') changes.push(['a number', { type: 'number' }], ['of at most a letter', { ...field, maxLength: 1 }]);
  if (type === 'string' && pattern === undefined) changes.push(['of a pattern', { ...field, pattern: '^x$' }]);
  if (type === 'integer') changes.push(['any number', { ...field, type: 'number' }], ['a text', { type: 'string' }]);
  if (type === 'boolean') changes.push(['a text', { type: 'string' }], ['always true', { ...field, const: true }]);
  return changes;
}

function changesOfSchema(schema: Schema): [string, Schema][] {
  return Object.entries(fieldsOf(schema)).flatMap(([name, field]) => changesOfField(schema, name, field));
}

it.each(Object.entries(published))('no change that breaks somebody passes, of %s', (_, schemas) => {
  const passed: string[] = [];
  let tried = 0;
  for (const [type, schema] of Object.entries(schemas)) {
    for (const [what, changed] of changesOfSchema(schema)) {
      tried += 1;
      if (breakingChangesOfAll({ [type]: schema }, { [type]: changed }).length === 0) passed.push(`${type}: ${what}`);
    }
  }
  expect(passed).toEqual([]);
  expect(tried).toBeGreaterThan(5 * Object.keys(schemas).length);
});

it.each(Object.entries(published))('an optional field and a type more break nobody, of %s', (_, schemas) => {
  const more = Object.fromEntries(
    Object.entries(schemas).map(([type, schema]) => [type, withField(schema, 'addedLater', { type: 'string' })]),
  );
  expect(breakingChangesOfAll(schemas, { ...more, 'added.later': { type: 'object' } })).toEqual([]);
  for (const type of Object.keys(schemas)) {
    const { [type]: _gone, ...others } = schemas;
    expect(breakingChangesOfAll(schemas, others)).toEqual([`${type}: is gone`]);
  }
});

it('a subject that is renamed breaks whoever filters by it', () => {
  const text = JSON.stringify(asyncApiDocument());
  const renamed = text.replaceAll('"x-subject":"object/{type}/{id}"', '"x-subject":"{type}/{id}"');
  expect(renamed).not.toBe(text);
  expect(breaksOfReleases(releasedSchemas('envelope'), envelopeOf(JSON.parse(renamed)))).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^since release \d+: kafkaTopic object\.created \/subject: may be \{type\}\/\{id\} as well$/),
    ]),
  );
});
