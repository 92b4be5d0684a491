// The database asks of stored values what simulation asks of new ones: both are asked here.
import { expect, it } from 'vitest';
import type { AnyDefinition } from '../../ontology/definition.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { normaliseValue } from '../../ontology/value.ts';
import { craftedRows } from './crafted-rows.ts';

const { answerOf } = craftedRows();

const values: readonly JsonValue[] = [
  ...[true, 0, 7, -3, 1.5, '', 'a', 'abcd', '7', '-3', '1.5', '007', '9'.repeat(30)],
  ...['2020-01-31', '2020-02-31', '2030-01-01', '2020-01-31T09:30:00.000Z', '2030-01-01T00:00:00.000Z'],
  ...[[], ['a'], ['abcd'], ['a', 'b', 'c'], [1], { latitude: 1, longitude: 2 }, { name: 'a' }, { name: 1 }, { name: 'a', more: 'b' }],
  ...[{}, { age: 1 }, { latitude: 91, longitude: 2 }, { latitude: 1, longitude: 181 }, { latitude: 1, longitude: 2, more: 3 }],
  ...[[{ latitude: 1, longitude: 2 }], [{ latitude: 1 }]],
];
const fields = { name: { type: 'string', required: true }, age: { type: 'integer' } } as const;
const definitions: readonly AnyDefinition[] = [
  { type: 'boolean' },
  { type: 'enum', values: ['a', '7'] },
  { type: 'string' },
  { type: 'string', minLength: 1, maxLength: 3 },
  { type: 'string', oneOf: ['a', 'b'] },
  { type: 'integer' },
  { type: 'integer', minimum: 0, maximum: 5 },
  { type: 'integer', oneOf: [7] },
  { type: 'double', minimum: 1 },
  { type: 'long' },
  { type: 'long', minimum: '0' },
  { type: 'decimal' },
  { type: 'decimal', maximum: '1.2' },
  { type: 'date' },
  { type: 'date', maximum: '2025-01-01' },
  { type: 'timestamp' },
  { type: 'timestamp', minimum: '2025-01-01T00:00:00Z' },
  { type: 'geopoint' },
  { type: 'reference', to: 'parcel' },
  { type: 'array', items: { type: 'string', maxLength: 3 }, maxItems: 2 },
  { type: 'array', items: { type: 'geopoint' } },
  { type: 'struct', properties: fields },
];

it.each(definitions.map((definition) => [JSON.stringify(definition), definition] as const))(
  '%s admits what it does elsewhere',
  async (_, definition) => {
    const expected = values.filter((value) => {
      const outcome = normaliseValue(definition, value);
      return 'value' in outcome && JSON.stringify(outcome.value) === JSON.stringify(value);
    });
    const call = `SELECT coalesce(jsonb_agg(v.value ORDER BY v.n) FILTER (WHERE exequatur.fits_definition($1::jsonb, v.value)), '[]') FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY v(value, n)`;
    const found = await answerOf({ rows: {}, call, values: [JSON.stringify(definition), JSON.stringify(values)] });
    expect(JSON.parse(found)).toEqual(expected);
  },
);
