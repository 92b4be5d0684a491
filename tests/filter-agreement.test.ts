import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toCel } from '../ontology/cel/cel-values.ts';
import { compileExpression, type Expression } from '../ontology/cel/expression.ts';
import { Scope, Vocabulary } from '../ontology/cel/scope.ts';
import { compileFilter } from '../ontology/compile-filter.ts';
import { compileOntology } from '../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { Condition } from '../ontology/condition.ts';
import { compareValues, conditionMatches } from '../ontology/condition-matches.ts';
import type { PropertyDefinition } from '../ontology/definition.ts';
import { compareText, type JsonScalar, type JsonValue } from '../ontology/json.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { writeFirstOntology } from './support/write-untold.ts';
import { times } from './trust/times.ts';

const long = 'a'.repeat(300);
/** Values that sort differently as text, as doubles and as bytes, and that are near each other; and how each is written in CEL. */
const kinds: Record<string, { definition: object; values: JsonScalar[]; cel: (value: JsonScalar) => string }> = {
  flag: { definition: { type: 'boolean' }, values: [true, false], cel: String },
  count: { definition: { type: 'integer' }, values: [-9007199254740991, -10, -9, 0, 9, 10, 9007199254740991], cel: String },
  ratio: {
    definition: { type: 'double' },
    values: [-1e21, -0.1, 0, 5e-324, 1e-7, 0.1, 0.30000000000000004, 0.3, 1.7976931348623157e308],
    cel: (value) => (Number.isInteger(value) ? `double("${value}")` : String(value)),
  },
  serial: {
    definition: { type: 'long' },
    values: ['-9223372036854775807', '-10', '-9', '0', '9007199254740992', '9007199254740993', '9223372036854775807'],
    cel: String,
  },
  price: {
    definition: { type: 'decimal' },
    values: [
      '-10',
      '-9.5',
      '-9.55',
      '0',
      '0.1',
      '0.10000000000000000001',
      '9',
      '10',
      `${'9'.repeat(60)}.1`,
      `${'9'.repeat(60)}.2`,
      `-${'9'.repeat(60)}.2`,
    ],
    cel: (value) => `decimal("${value}")`,
  },
  name: {
    definition: { type: 'string' },
    values: ['', 'a', 'A', 'b', 'ä', '\uffff', '😀', '😀a', long, `${long}b`, `${long}a`, "o'b\\r", '%_'],
    cel: (value) => JSON.stringify(value),
  },
  state: { definition: { type: 'enum', values: ['on', 'off'] }, values: ['on', 'off'], cel: (value) => JSON.stringify(value) },
  day: { definition: { type: 'date' }, values: ['0001-01-01', '2001-01-31', '9999-12-31'], cel: (value) => JSON.stringify(value) },
  at: {
    definition: { type: 'timestamp' },
    values: [
      '2001-01-31T09:30:00.000Z',
      '2001-01-31T09:30:00.000001Z',
      '2001-01-31T09:30:00.000999999Z',
      '2001-01-31T09:30:00.001Z',
      '2001-01-31T09:30:00.0015Z',
      '9999-12-31T23:59:59.999Z',
    ],
    cel: (value) => `timestamp("${value}")`,
  },
};
/** A struct in a struct, and a point: asked about field by field. */
const places = [
  {},
  { city: 'a', rooms: 9, inner: { at: '2001-01-31T09:30:00.000001Z', price: '10' } },
  { city: 'ä', rooms: 10, lines: ['a', "o'b"], inner: { at: '2001-01-31T09:30:00.000Z', price: '9.5' }, open: true },
  { city: '😀', lines: [], spot: { latitude: -9.5, longitude: 100 }, inner: {}, open: false },
];
const placed = {
  place: {
    type: 'struct',
    properties: {
      city: { type: 'string' },
      rooms: { type: 'integer' },
      open: { type: 'boolean' },
      lines: { type: 'array', items: { type: 'string' } },
      spot: { type: 'geopoint' },
      inner: { type: 'struct', properties: { at: { type: 'timestamp' }, price: { type: 'decimal' } } },
    },
  },
};
const fieldQuestions = [
  'place.city == "a"',
  'place.city != "ä"',
  'place.city in ["a", null]',
  'has(place.city)',
  'place.lines == null',
  '(place.rooms != null && place.rooms > 9)',
  '(place.rooms != null && 9.5 > place.rooms)',
  '(place.open != null && place.open)',
  'place.open == false',
  '(place.city != null && place.city.startsWith("ä"))',
  '(place.lines != null && "a" in place.lines)',
  '(place.lines != null && size(place.lines) >= 1)',
  '(place.lines != null && place.lines.size() == 0)',
  '(place.spot != null && place.spot.latitude < 0.0)',
  '(place.spot != null && place.spot.longitude == 100.0)',
  '(place.inner != null && place.inner.price == decimal("10.0"))',
  '(place.inner != null && place.inner.price != null && place.inner.price < decimal("10"))',
  '(place.inner != null && place.inner.at != null && place.inner.at > timestamp("2001-01-31T09:30:00.000Z"))',
];
const tags = ['', 'a', 'ä', "o'b", long];
const forms = ['', 'Indexed', 'Building'];
const properties: Record<string, object> = Object.fromEntries([
  ...Object.entries(placed),
  ...forms.flatMap((form) => [
    ...Object.entries(kinds).map(([name, { definition }]) => [
      `${name}${form}`,
      { ...definition, ...(form === '' ? {} : { indexed: true }) },
    ]),
    [`tags${form}`, { type: 'array', items: { type: 'string' }, ...(form === '' ? {} : { indexed: true }) }],
  ]),
]);

const form = fc.constantFrom(...forms);
const kind = fc.constantFrom(...Object.keys(kinds));
const literal = (name: string) => fc.constantFrom(...(kinds[name]?.values ?? [])).map((value) => kinds[name]?.cel(value) ?? '');
/**
 * Comparisons in which the two languages are meant to agree. In CEL an order with an absent value is an error, where the filter says no: so an order comes
 * together with a question for presence. A comparison for equality needs none, since null is equal to null alone.
 */
const leaf: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(kind, form, fc.constantFrom('==', '!='), fc.boolean())
    .chain(([name, suffix, op, turned]) =>
      literal(name).map((value) => (turned ? `(${value} ${op} ${name}${suffix})` : `(${name}${suffix} ${op} ${value})`)),
    ),
  fc
    .tuple(kind, form, fc.constantFrom('<', '<=', '>', '>='), fc.boolean())
    .filter(([name]) => !['flag'].includes(name))
    .chain(([name, suffix, op, turned]) =>
      literal(name).map(
        (value) => `(${name}${suffix} != null && ${turned ? `${value} ${op} ${name}${suffix}` : `${name}${suffix} ${op} ${value}`})`,
      ),
    ),
  fc
    .tuple(kind, form)
    .chain(([name, suffix]) =>
      fc
        .tuple(literal(name), fc.array(fc.oneof({ weight: 5, arbitrary: literal(name) }, fc.constant('null')), { maxLength: 3 }))
        .map(([first, others]) => `(${name}${suffix} in [${[first, ...others].join(', ')}])`),
    ),
  // Numbers of either kind compare with the other.
  fc
    .tuple(fc.constantFrom('count', 'serial'), form, fc.constantFrom('==', '!=', '<', '<=', '>', '>='))
    .chain(([name, suffix, op]) =>
      fc
        .constantFrom('9.0', '9.5', '-9.5', '-0.0', '9007199254740992.0', '-1e-7', '9223372036854775807.0', '1e30', '-1e300')
        .map((value) => `(${name}${suffix} != null && ${name}${suffix} ${op} ${value})`),
    ),
  fc
    .tuple(form, fc.constantFrom('==', '!=', '<', '>='), fc.constantFrom('0', '1', '-1', '9007199254740992'))
    .map(([suffix, op, value]) => `(ratio${suffix} != null && ratio${suffix} ${op} ${value})`),
  fc
    .record({
      form,
      op: fc.constantFrom('startsWith', 'endsWith', 'contains'),
      part: fc.constantFrom('', 'a', 'b', 'ä', '😀', "o'", '%', '\\', long),
    })
    .map(({ form: suffix, op, part }) => `(name${suffix} != null && name${suffix}.${op}(${JSON.stringify(part)}))`),
  fc
    .record({ form, tag: fc.constantFrom(...tags) })
    .map(({ form: suffix, tag }) => `(tags${suffix} != null && ${JSON.stringify(tag)} in tags${suffix})`),
  fc
    .tuple(form, fc.constantFrom('==', '!=', '<', '<=', '>', '>='), fc.constantFrom('0', '1', '2.0', '1.5', '5'), fc.boolean())
    .map(
      ([suffix, op, value, turned]) =>
        `(tags${suffix} != null && ${turned ? `${value} ${op} size(tags${suffix})` : `tags${suffix}.size() ${op} ${value}`})`,
    ),
  fc.constantFrom(...fieldQuestions).map((question) => `(place != null && ${question})`),
  fc.tuple(kind, form, fc.constantFrom('==', '!=')).map(([name, suffix, op]) => `(${name}${suffix} ${op} null)`),
  fc
    .record({ op: fc.constantFrom('==', '!=', '<', '>='), id: fc.constantFrom('1', '10', 'ä') })
    .map(({ op, id }) => `(id ${op} ${JSON.stringify(id)})`),
);
const filter: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    { weight: 3, arbitrary: leaf },
    { weight: 1, arbitrary: fc.tuple(tie('node'), tie('node')).map(([left, right]) => `(${left} && ${right})`) },
    { weight: 1, arbitrary: fc.tuple(tie('node'), tie('node')).map(([left, right]) => `(${left} || ${right})`) },
    { weight: 1, arbitrary: tie('node').map((inner) => `!${inner}`) },
  ),
})).node;

type Stored = { id: string; properties: Record<string, JsonValue> };

let database: TestDatabase;
let client: pg.Client;
let ontology: CompiledOntology;
let definitions: ReadonlyMap<string, PropertyDefinition>;
let frames: Map<string, Record<string, unknown>>;
const stored = objects();

describe('a filter', () => {
  beforeAll(async () => {
    const outcome = compileOntology({ objectTypes: { thing: { properties } } });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
    ontology = outcome.ontology;
    definitions = ontology.objectTypes.get('thing')?.properties ?? new Map();
    frames = new Map(
      stored.map(({ id, properties: held }) => [
        id,
        { id, ...Object.fromEntries([...definitions].map(([name, definition]) => [name, toCel(definition, held[name])])) },
      ]),
    );
    database = await createTestDatabase();
    const tenant = await database.createTenant();
    const superuser = new pg.Client({ connectionString: database.urls.superuser });
    await superuser.connect();
    await store(superuser, tenant);
    await superuser.end();
    client = new pg.Client({ connectionString: database.urls.api });
    await client.connect();
    await client.query(`SELECT set_config('app.tenant', $1, false)`, [tenant]);
  });

  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });

  it(
    'selects in PostgreSQL what CEL says of each object, with an index, without one and while it is built; in pages, for simulations and in memory',
    async () => {
      const scope = [['id', { type: 'string' }] as const, ...definitions].reduce(
        (inner, [name, definition]) => inner.withProperty(name, definition as PropertyDefinition),
        new Scope(new Vocabulary(new Map([['thing', definitions]]))),
      );
      await fc.assert(
        fc.asyncProperty(filter, fc.constantFrom(...definitions.keys(), 'id'), fc.boolean(), async (text, order, descending) => {
          const condition = conditionOf(text);
          const expression = expressionOf(scope, text);
          const expected = stored.filter(({ id }) => expression.compute(frames.get(id) ?? {}) === true).map(({ id }) => id);
          const inMemory = stored.filter((object) => conditionMatches(condition, stateOf(object), definitions)).map(({ id }) => id);
          expect(inMemory).toEqual(expected);
          const orderBy = order.startsWith('tags') || order === 'place' ? 'id' : order;
          const { rows } = await client.query<{ queried: string[]; listed: string[] }>(
            `SELECT ARRAY(SELECT o.id FROM exequatur.query_objects('thing', $1) o) AS queried,
                  ARRAY(SELECT o.id FROM exequatur.list_objects('thing', $1, $2, $3, NULL, NULL, 1000) o) AS listed`,
            [JSON.stringify(condition), orderBy, descending],
          );
          expect(rows[0]?.queried).toEqual(expected.sort(compareText));
          expect(rows[0]?.listed).toEqual(expected.sort(inOrder(orderBy, descending)));
        }),
        { numRuns: 700 * times },
      );
    },
    60_000 * times,
  );

  it('is answered by pages that together are the whole list, by any order and in either direction', async () => {
    for (const order of ['id', ...definitions.keys()].filter((name) => !name.startsWith('tags') && name !== 'place')) {
      for (const descending of [false, true]) {
        const expected = stored.map(({ id }) => id).sort(inOrder(order, descending));
        const found: string[] = [];
        for (let last: Stored | undefined; ; ) {
          const value = last?.properties[order] ?? null;
          const { rows } = await client.query<Stored>(
            `SELECT o.id, o.properties FROM exequatur.list_objects('thing', '{"all": []}', $1, $2, $3, $4, 3) o`,
            [order, descending, JSON.stringify(value), last?.id ?? null],
          );
          if (rows.length === 0) break;
          found.push(...rows.map(({ id }) => id));
          last = rows.at(-1);
        }
        expect(found, `${order} ${descending}`).toEqual(expected);
      }
    }
  });

  it('is refused where it compares a property with what it cannot hold, before PostgreSQL is asked', () => {
    for (const text of [
      'count in [1, "a"]',
      'count == dyn("a")',
      'name in ["a", 1]',
      'serial < dyn("a")',
      'price in [decimal("1"), "a"]',
      'at == dyn("a")',
      'flag == dyn("true")',
      'state == dyn(1)',
      'ratio < double("Infinity")',
      'ratio != double("NaN")',
      'ratio == 9007199254740993',
      `price < decimal("${'9'.repeat(99)}") + decimal("${'9'.repeat(99)}") * decimal("2")`,
      'dyn(1) in tags',
      'place == place',
      'place.spot == geopoint(1.0, 2.0)',
      'place.spot.distance(geopoint(1.0, 2.0)) < 5.0',
      'size(name) > 1',
      'size(tags) == count',
      'place.nothing == 1',
    ]) {
      const refused = { ok: false, faults: [{ code: 'invalid_filter', pointer: '/filter' }] };
      expect(compileFilter(ontology, 'thing', text), text).toMatchObject(refused);
    }
  });

  it('says no to an order with an absent value, where CEL alone would fail', () => {
    const condition = conditionOf('count < 5');
    expect(conditionMatches(condition, stateOf({ id: 'ä', properties: {} }), definitions)).toBe(false);
    expect(conditionMatches({ not: condition }, stateOf({ id: 'ä', properties: {} }), definitions)).toBe(true);
  });
});

function inOrder(order: string, descending: boolean): (left: string, right: string) => number {
  const held = new Map(stored.map((object) => [object.id, object.properties[order]]));
  const sign = descending ? -1 : 1;
  return (left, right) => {
    const [a, b] = [held.get(left), held.get(right)];
    if (a === undefined || b === undefined) return a === b ? sign * compareText(left, right) : a === undefined ? 1 : -1;
    return sign * ((compareValues(definitions.get(order)?.type ?? 'string', a, b as JsonScalar) ?? 0) || compareText(left, right));
  };
}

function conditionOf(text: string): Condition {
  const outcome = compileFilter(ontology, 'thing', text);
  if (!outcome.ok) throw new Error(`${text}: ${JSON.stringify(outcome.faults)}`);
  return outcome.condition;
}

function expressionOf(scope: Scope, text: string): Expression {
  const outcome = compileExpression(scope, text, '/filter', { type: (type) => type === 'bool', words: 'true or false' });
  if ('fault' in outcome) throw new Error(`${text}: ${outcome.fault.message}`);
  return outcome.expression;
}

function stateOf({ id, properties: held }: Stored) {
  return { type: 'thing', id, version: 1, properties: held, propertyVersions: {} };
}

/** One object per sample value, holding it in every form of its property, some with the same value, and ids whose bytes sort unlike their UTF-16 units. */
function objects(): Stored[] {
  const most = Math.max(...Object.values(kinds).map(({ values }) => values.length));
  const filled = Array.from({ length: most + 4 }, (_, at): Stored => {
    const values: [string, JsonValue][] = Object.entries(kinds).flatMap(([name, { values: samples }]): [string, JsonValue][] => {
      const value = at < most ? samples[at] : samples.at(-1 - (at % 2));
      return value === undefined ? [] : [[name, value]];
    });
    const all: [string, JsonValue][] = [...values, ['tags', tags.slice(0, at % (tags.length + 1))]];
    return {
      id: String(at),
      properties: {
        ...(at === 0 ? {} : { place: places[at % places.length] as JsonValue }),
        ...Object.fromEntries(forms.flatMap((suffix) => all.map(([name, value]) => [`${name}${suffix}`, value]))),
      },
    };
  });
  return [
    ...filled,
    { id: '\uffff', properties: {} },
    { id: '😀', properties: { name: 'x', nameIndexed: 'x', nameBuilding: 'x' } },
    { id: 'ä', properties: {} },
  ];
}

async function store(superuser: pg.Client, tenant: string): Promise<void> {
  const indexed = Object.keys(properties).filter((name) => !/^[a-z]+$/.test(name));
  await writeFirstOntology(database, tenant, ontology);
  await superuser.query(
    `INSERT INTO exequatur.object_type (tenant_id, name, ontology_version, definition, indexed, building) VALUES ($1, 'thing', 1, $2, $3, $4)`,
    [tenant, JSON.stringify({ properties }), indexed, indexed.filter((name) => name.endsWith('Building'))],
  );
  await superuser.query(
    `INSERT INTO exequatur.object (tenant_id, type, id, version, alive, properties, property_versions)
     SELECT $1, 'thing', o ->> 'id', 1, true, o -> 'properties', '{"$": 1}' FROM jsonb_array_elements($2::jsonb) o`,
    [tenant, JSON.stringify(stored)],
  );
  await superuser.query(
    `INSERT INTO exequatur.object_index (tenant_id, type, property, key, object_id)
     SELECT o.tenant_id, o.type, p.name, k.key, o.id FROM exequatur.object o CROSS JOIN jsonb_each($2::jsonb) p(name, definition)
      CROSS JOIN LATERAL exequatur.index_keys(p.definition, o.properties -> p.name) k(key) WHERE o.tenant_id = $1 AND p.name LIKE '%Indexed'`,
    [tenant, JSON.stringify(properties)],
  );
}
