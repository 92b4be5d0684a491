import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileOntology } from '../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { Condition } from '../ontology/condition.ts';
import type { JsonScalar, JsonValue } from '../ontology/json.ts';
import { MemorySnapshot } from '../ontology/memory-snapshot.ts';
import { SqlSnapshot } from '../store/sql-snapshot.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { writeFirstOntology } from './support/write-untold.ts';

/** Each type of value twice, once with index rows and once without, and values that sort differently as text, as numbers and as bytes. */
const samples: Record<string, { definition: object; values: JsonScalar[] }> = {
  boolean: { definition: { type: 'boolean' }, values: [true, false] },
  integer: { definition: { type: 'integer' }, values: [-9007199254740991, -10, -9, 0, 9, 10, 9007199254740991] },
  double: { definition: { type: 'double' }, values: [-1e21, -0.1, 0, 1e-7, 0.1, 0.30000000000000004, 1e21] },
  long: {
    definition: { type: 'long' },
    values: ['-9223372036854775808', '-10', '-9', '0', '9007199254740992', '9007199254740993', '9223372036854775807'],
  },
  decimal: { definition: { type: 'decimal' }, values: ['-10', '-9.5', '0', '0.1', '0.10000000000000000001', '9', '10'] },
  string: {
    definition: { type: 'string' },
    values: ['', 'a', 'A', 'b', 'ä', '\uffff', '😀', 'a'.repeat(300), `${'a'.repeat(300)}b`, "o'b\\r", '%_'],
  },
  date: { definition: { type: 'date' }, values: ['0001-01-01', '2001-01-31', '9999-12-31'] },
  timestamp: { definition: { type: 'timestamp' }, values: ['2001-01-31T09:30:00.000Z', '2001-01-31T09:30:00.001Z'] },
};
const tags = ['', 'a', 'b', "o'b", 'ä'];
const properties = Object.fromEntries([
  ...Object.entries(samples).flatMap(([name, { definition }]) => [
    [name, definition],
    [`${name}Indexed`, { ...definition, indexed: true }],
  ]),
  ['tags', { type: 'array', items: { type: 'string' } }],
  ['tagsIndexed', { type: 'array', items: { type: 'string' }, indexed: true }],
]);

const scalar = fc.constantFrom(...Object.keys(samples)).chain((kind) =>
  fc.record({
    property: fc.constantFrom(kind, `${kind}Indexed`),
    value: fc.constantFrom(...(samples[kind]?.values ?? [])),
    kind: fc.constant(kind),
  }),
);
const list = fc.constantFrom('tags', 'tagsIndexed');
const leaf: fc.Arbitrary<Condition> = fc.oneof(
  fc.tuple(scalar, fc.constantFrom('eq' as const, 'ne' as const)).map(([{ property, value }, op]) => ({ property, op, value })),
  fc
    .tuple(scalar, fc.constantFrom('lt' as const, 'le' as const, 'gt' as const, 'ge' as const))
    .map(([{ property, value }, op]) => ({ property, op, value })),
  scalar.chain(({ property, kind }) =>
    fc.subarray(samples[kind]?.values ?? []).map((values): Condition => ({ property, op: 'in', values })),
  ),
  fc.record({ property: list, op: fc.constant('contains' as const), value: fc.constantFrom(...tags) }),
  fc.record({ property: list, op: fc.constant('containsAny' as const), values: fc.subarray(tags) }),
  fc.record({
    property: fc.constantFrom('string', 'stringIndexed'),
    op: fc.constantFrom('startsWith' as const, 'endsWith' as const, 'includes' as const),
    value: fc.constantFrom('', 'a', "o'", '%', 'aaa'),
  }),
  fc.record({ property: fc.constantFrom(...Object.keys(properties)), op: fc.constant('present' as const) }),
  fc.record({ property: fc.constant('id'), op: fc.constantFrom('eq' as const, 'gt' as const), value: fc.constantFrom('1', '5', 'ä') }),
);
const condition: fc.Arbitrary<Condition> = fc.letrec<{ node: Condition }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    { weight: 3, arbitrary: leaf },
    { weight: 1, arbitrary: fc.array(tie('node'), { maxLength: 3 }).map((all) => ({ all })) },
    { weight: 1, arbitrary: fc.array(tie('node'), { maxLength: 3 }).map((any) => ({ any })) },
    { weight: 1, arbitrary: tie('node').map((not) => ({ not })) },
  ),
})).node;

let database: TestDatabase;
let client: pg.Client;
let ontology: CompiledOntology;
let memory: MemorySnapshot;
let sql: SqlSnapshot;

describe('PostgreSQL and memory', () => {
  beforeAll(async () => {
    const outcome = compileOntology({ objectTypes: { thing: { properties } } });
    if (!outcome.ok) {
      throw new Error(JSON.stringify(outcome.faults));
    }
    ontology = outcome.ontology;
    memory = new MemorySnapshot(ontology);
    memory.apply(objects().map(([id, set]) => ({ op: 'create' as const, type: 'thing', id, set })));

    database = await createTestDatabase();
    const tenant = await database.createTenant();
    client = new pg.Client({ connectionString: database.urls.superuser });
    await client.connect();
    await client.query(`SELECT set_config('app.tenant', $1, false), set_config('search_path', 'exequatur', false)`, [tenant]);
    await writeFirstOntology(database, tenant, ontology);
    await client.query(
      `INSERT INTO exequatur.object_type (tenant_id, name, ontology_version, definition, "references", indexed, unique_properties, minimum_approvals)
       VALUES ($1, 'thing', 1, $2, '{}', $3, '{}', 0)`,
      [tenant, JSON.stringify({ properties }), ontology.objectTypes.get('thing')?.indexed],
    );
    await client.query(`INSERT INTO exequatur.type_state (tenant_id, type, counter) VALUES ($1, 'thing', 0)`, [tenant]);
    await client.query(
      `INSERT INTO exequatur.object (tenant_id, type, id, version, alive, properties, property_versions)
       SELECT $1, 'thing', o ->> 0, 1, true, o -> 1, '{"$": 1}' FROM jsonb_array_elements($2::jsonb) o`,
      [tenant, JSON.stringify(objects())],
    );
    await client.query(`SELECT exequatur.reindex('thing')`);
    sql = new SqlSnapshot({ rows: async (text, values) => (await client.query(text, values as unknown[])).rows });
  });

  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });

  it('select the same objects in the same order, whatever is asked, with index rows and without', async () => {
    await fc.assert(
      fc.asyncProperty(condition, async (where) => {
        const [expected, found] = await Promise.all([memory.query('thing', where), sql.query('thing', where)]);
        expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
      }),
      { numRuns: 400 },
    );
  });

  it.each([
    ['in', 'stringIndexed'],
    ['in', 'string'],
    ['in', 'longIndexed'],
    ['in', 'id'],
    ['containsAny', 'tagsIndexed'],
    ['containsAny', 'tags'],
  ] as const)('select by as many values as a plan may hold, %s %s', async (op, property) => {
    const own = objects().flatMap(([id, set]) => (property === 'id' ? [id] : (set[property] ?? [])) as JsonScalar[]);
    const values = [...own.slice(0, 2), ...Array.from({ length: 20_000 }, (_, at) => `1${at}0`)];
    const [expected, found] = await Promise.all(
      [memory, sql].map((snapshot) => snapshot.query('thing', { property, op, values } as Condition)),
    );
    expect(expected?.length).toBeGreaterThan(0);
    expect(found).toEqual(expected);
  });

  it('give no more objects than are asked for, the first ones', async () => {
    const [some, all] = await Promise.all([sql.query('thing', { all: [] }, 3), memory.query('thing', { all: [] })]);
    expect(all.length).toBeGreaterThan(3);
    expect(some.map(({ id }) => id)).toEqual(all.slice(0, 3).map(({ id }) => id));
  });

  it('show the same object', async () => {
    const [expected, found] = await Promise.all([memory.query('thing', { all: [] }), sql.query('thing', { all: [] })]);
    expect(found).toEqual(expected);
  });
});

/** One object per sample value, holding it in every property of its type, one with nothing at all, and ids whose bytes sort unlike their UTF-16 units. */
function objects(): [string, Record<string, JsonValue>][] {
  const kinds = Object.entries(samples);
  const most = Math.max(...kinds.map(([, { values }]) => values.length));
  const filled = Array.from({ length: most }, (_, at): [string, Record<string, JsonValue>] => [
    String(at),
    Object.fromEntries([
      ...kinds.flatMap(([kind, { values }]) => {
        const value = values[at];
        return value === undefined ? [] : [[kind, value] as const, [`${kind}Indexed`, value] as const];
      }),
      ...['tags', 'tagsIndexed'].map((property) => [property, tags.slice(0, at % (tags.length + 1))] as const),
    ]),
  ]);
  return [...filled, ['\uffff', {}], ['😀', { string: 'x' }], ['ä', {}]];
}
