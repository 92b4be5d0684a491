import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Condition } from '../ontology/condition.ts';
import type { JsonValue } from '../ontology/json.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { writeFirstOntology } from './support/write-untold.ts';

const many = 20_000;
/** What a page of ten may read at most, in blocks of 8 kB: some per object and per step down an index. The whole type has several times as many. */
const fewBlocks = 400;

const properties = {
  code: { type: 'string', required: true, indexed: true },
  parity: { type: 'enum', values: ['even', 'odd'], required: true, indexed: true },
  seats: { type: 'integer', indexed: true },
  weight: { type: 'double', indexed: true },
  price: { type: 'decimal', indexed: true },
  serial: { type: 'long', indexed: true },
  day: { type: 'date', indexed: true },
  at: { type: 'timestamp', indexed: true },
  tags: { type: 'array', items: { type: 'string' }, indexed: true },
  unready: { type: 'integer', indexed: true },
};

const middle = many / 2;
const conditions: Record<string, Condition> = {
  'equality with few objects': { property: 'code', op: 'eq', value: 'c010000' },
  'equality with half of all objects': { property: 'parity', op: 'eq', value: 'odd' },
  in: { property: 'seats', op: 'in', values: [5, 5_000, 15_000] },
  'a range of integers': {
    all: [
      { property: 'seats', op: 'gt', value: middle },
      { property: 'seats', op: 'lt', value: middle + 30 },
    ],
  },
  'a range of doubles': {
    all: [
      { property: 'weight', op: 'ge', value: 100.5 },
      { property: 'weight', op: 'lt', value: 103 },
    ],
  },
  'a range of decimals': {
    all: [
      { property: 'price', op: 'gt', value: '11.5' },
      { property: 'price', op: 'le', value: '12' },
    ],
  },
  'a range of longs beyond 2^53': {
    all: [
      { property: 'serial', op: 'gt', value: '9007199254740993' },
      { property: 'serial', op: 'le', value: '9007199254741023' },
    ],
  },
  'a range of dates': {
    all: [
      { property: 'day', op: 'ge', value: '2001-01-05' },
      { property: 'day', op: 'lt', value: '2001-01-25' },
    ],
  },
  'a range of times': { property: 'at', op: 'lt', value: '2001-01-01T00:00:20.000Z' },
  'a range of texts': {
    all: [
      { property: 'code', op: 'ge', value: 'c0100' },
      { property: 'code', op: 'lt', value: 'c01002' },
    ],
  },
  'a beginning': { property: 'code', op: 'startsWith', value: 'c01000' },
  'an element of a list': { property: 'tags', op: 'contains', value: 't77' },
  'one of two': {
    any: [
      { property: 'seats', op: 'eq', value: 7 },
      { property: 'code', op: 'eq', value: 'c010000' },
    ],
  },
  'an id': { property: 'id', op: 'eq', value: 'o010000' },
};

let database: TestDatabase;
let api: pg.Client;

describe('a page of 20,000 objects, read by the login of the API', () => {
  beforeAll(async () => {
    database = await createTestDatabase();
    const tenant = await database.createTenant();
    const superuser = new pg.Client({ connectionString: database.urls.superuser });
    await superuser.connect();
    await fill(superuser, tenant);
    await superuser.end();
    api = new pg.Client({ connectionString: database.urls.api });
    await api.connect();
    await api.query(`SELECT set_config('app.tenant', $1, false)`, [tenant]);
  });

  afterAll(async () => {
    await api?.end();
    await database?.drop();
  });

  for (const [name, condition] of Object.entries(conditions)) {
    it(`looks ${name} up in the index`, async () => {
      expect(await page(condition)).toMatchObject({ tableScans: 0, isCheap: true, isEmpty: false });
    });

    it(`looks ${name} up in the index for a simulation and for its read set, unless half of all objects answer`, async () => {
      const isWide = name.includes('half');
      const read = await cost('SELECT o.id FROM exequatur.query_objects($1, $2) o', ['thing', JSON.stringify(condition)]);
      expect(read).toMatchObject({ tableScans: 0, ...(isWide ? {} : { isCheap: true }) });
      const asked = await cost('SELECT exequatur.query_fingerprint($1) AS id', [{ kind: 'objects', type: 'thing', where: condition }]);
      expect(asked).toMatchObject({ tableScans: 0, ...(isWide ? {} : { isCheap: true }) });
    });
  }

  for (const order of ['id', 'code', 'parity', 'seats', 'weight', 'price', 'serial', 'day', 'at']) {
    for (const descending of [false, true]) {
      it(`walks the order by ${order}${descending ? ' desc' : ''}, on the first page and in the middle`, async () => {
        expect(await page({ all: [] }, order, descending)).toMatchObject({ tableScans: 0, isCheap: true, isEmpty: false });
        const after = object(middle);
        const later = await page({ all: [] }, order, descending, [order === 'id' ? null : (after[order] ?? null), `o0${middle}`]);
        expect(later).toMatchObject({ tableScans: 0, isCheap: true, isEmpty: false });
        expect(later.ids[0]).not.toBe(`o0${middle}`);
      });
    }
  }

  it('walks an order under a filter that half of all objects answer, once it has seen that they are many', async () => {
    const read = await page({ property: 'parity', op: 'eq', value: 'odd' }, 'seats');
    expect(read).toMatchObject({ tableScans: 0, isEmpty: false });
    expect(read.blocks).toBeLessThan(many / 3);
  });

  it('walks an order from where a range over it begins', async () => {
    expect(await page({ property: 'price', op: 'ge', value: '60' }, 'price')).toMatchObject({
      tableScans: 0,
      isCheap: true,
      isEmpty: false,
    });
  });

  it('looks nothing up in an index that is being built', async () => {
    expect((await page({ property: 'unready', op: 'eq', value: 3 })).ids).toEqual(['o000003']);
    expect((await page({ all: [] }, 'unready')).ids[0]).toBe('o000001');
  });
});

function page(condition: Condition, order = 'id', descending = false, [value, id]: [JsonValue, string | null] = [null, null]) {
  const values = ['thing', JSON.stringify(condition), order, descending, JSON.stringify(value), id, 10];
  return cost('SELECT o.id FROM exequatur.list_objects($1, $2, $3, $4, $5, $6, $7) o', values);
}

/** Blocks are counted over all that a function's own statements read, and table scans as the transaction itself saw them. */
async function cost(text: string, values: unknown[]) {
  await api.query('BEGIN');
  try {
    const { rows } = await api.query<{ id: string }>(text, values);
    const scans = await api.query<{ scans: string }>(
      `SELECT coalesce(sum(seq_scan), 0) AS scans FROM pg_stat_xact_user_tables WHERE relname IN ('object', 'object_index')`,
    );
    const explained = await api.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
    const { Plan: plan } = explained.rows[0]['QUERY PLAN'][0];
    const blocks = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    return {
      ids: rows.map((row) => row.id),
      tableScans: Number(scans.rows[0]?.scans),
      isEmpty: rows.length === 0,
      blocks,
      isCheap: blocks < fewBlocks,
    };
  } finally {
    await api.query('ROLLBACK');
  }
}

function object(n: number): Record<string, JsonValue> {
  return {
    code: `c${String(n).padStart(6, '0')}`,
    parity: n % 2 === 0 ? 'even' : 'odd',
    seats: n,
    weight: n / 10,
    price: String(n / 100),
    serial: String(9007199254740992n + BigInt(n)),
    day: new Date(Date.UTC(2001, 0, n)).toISOString().slice(0, 10),
    at: new Date(Date.UTC(2001, 0, 1, 0, 0, n)).toISOString(),
    tags: [`t${n % 1000}`, 'all'],
    unready: n,
  };
}

/** Index rows are made as the door makes them, except for the property whose index is being built. Statistics stay what they were: none. */
async function fill(client: pg.Client, tenant: string): Promise<void> {
  await client.query(
    `ALTER TABLE exequatur.object SET (autovacuum_enabled = false); ALTER TABLE exequatur.object_index SET (autovacuum_enabled = false)`,
  );
  await writeFirstOntology(database, tenant, { text: '{}', digest: '0'.repeat(64) });
  await client.query(
    `INSERT INTO exequatur.object_type (tenant_id, name, ontology_version, definition, indexed, building) VALUES ($1, 'thing', 1, $2, $3, '{unready}')`,
    [tenant, JSON.stringify({ properties }), Object.keys(properties)],
  );
  const objects = Array.from({ length: many }, (_, at) => object(at + 1));
  await client.query(
    `INSERT INTO exequatur.object (tenant_id, type, id, version, alive, properties, property_versions)
     SELECT $1, 'thing', 'o' || substr(o ->> 'code', 2), 1, true, o, '{"$": 1}' FROM jsonb_array_elements($2::jsonb) o`,
    [tenant, JSON.stringify(objects)],
  );
  await client.query(
    `INSERT INTO exequatur.object_index (tenant_id, type, property, key, object_id)
     SELECT o.tenant_id, o.type, p.name, k.key, o.id FROM exequatur.object o CROSS JOIN jsonb_each($2::jsonb) p(name, definition)
      CROSS JOIN LATERAL exequatur.index_keys(p.definition, o.properties -> p.name) k(key) WHERE o.tenant_id = $1 AND p.name <> 'unready'`,
    [tenant, JSON.stringify(properties)],
  );
}
