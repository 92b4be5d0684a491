import type { Condition } from '../ontology/condition.ts';
import type { LinkState, ObjectState } from '../ontology/object-state.ts';
import type { LinkEnd, Referrer, Snapshot } from '../ontology/snapshot.ts';
import type { Sql } from './sql.ts';

/**
 * The ontology as one transaction sees it. In REPEATABLE READ every answer comes from the same state, which is what a simulation needs; in READ COMMITTED it is
 * good for questions whose answer is advice, such as whether a reference exists.
 */
export class SqlSnapshot implements Snapshot {
  private readonly sql: Sql;

  constructor(sql: Sql) {
    this.sql = sql;
  }

  async get(type: string, ids: readonly string[]): Promise<Map<string, ObjectState>> {
    const select = `SELECT ${objectStateJson} AS object FROM exequatur.object o WHERE o.type = $1 AND o.alive AND`;
    // For a list PostgreSQL makes a plan each time, since one for any list expects ten; for one id it keeps what it has.
    const rows = await (ids.length === 1
      ? this.sql.rows<{ object: ObjectState }>(`${select} o.id = $2`, [type, ids[0]])
      : this.sql.rows<{ object: ObjectState }>(`${select} o.id = ANY($2::text[])`, [type, ids]));
    return new Map(rows.map(({ object }) => [object.id, object]));
  }

  async existenceVersions(type: string, ids: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.sql.rows<{ id: string; version: number }>(
      `SELECT o.id, (o.property_versions ->> '$')::float8 AS version FROM exequatur.object o WHERE o.type = $1 AND o.id = ANY($2::text[])`,
      [type, ids],
    );
    const found = new Map(rows.map(({ id, version }) => [id, version]));
    return new Map(ids.map((id) => [id, found.get(id) ?? 0]));
  }

  async query(type: string, where: Condition, atMost?: number): Promise<ObjectState[]> {
    const rows = await this.sql.rows<{ object: ObjectState }>(
      `SELECT ${objectStateJson} AS object FROM exequatur.query_objects($1, $2::jsonb) o LIMIT $3::int`,
      [type, JSON.stringify(where), atMost ?? null],
    );
    return rows.map(({ object }) => object);
  }

  async count(type: string, where: Condition, atMost: number): Promise<number> {
    const [row] = await this.sql.rows<{ counted: number }>('SELECT exequatur.count_objects($1, $2::jsonb, $3::int)::int AS counted', [
      type,
      JSON.stringify(where),
      atMost,
    ]);
    return row?.counted ?? 0;
  }

  async links(link: string, end: LinkEnd, ids: readonly string[]): Promise<LinkState[]> {
    const column = end === 'from' ? 'from_id' : 'to_id';
    return this.sql.rows<LinkState & Record<string, unknown>>(
      `SELECT l.link, l.from_id AS "from", l.to_id AS "to" FROM exequatur.link l
        WHERE l.link = $1 AND l.${column} = ANY($2::text[]) AND l.alive ORDER BY l.from_id COLLATE "C", l.to_id COLLATE "C"`,
      [link, ids],
    );
  }

  async referrers(type: string, ids: readonly string[], limit: number): Promise<Referrer[]> {
    return this.sql.rows<Referrer & Record<string, unknown>>(
      `SELECT * FROM (
         SELECT i.type, i.object_id AS id, i.property, i.key AS target
           FROM exequatur.object_type t CROSS JOIN LATERAL jsonb_each_text(t."references") r
           JOIN exequatur.object_index i ON i.tenant_id = t.tenant_id AND i.type = t.name AND i.property = r.key AND i.key = ANY($2::text[])
          WHERE r.value = $1
         UNION ALL
         SELECT l.link, l.to_id, '$link', l.from_id FROM exequatur.link l WHERE l.from_type = $1 AND l.from_id = ANY($2::text[]) AND l.alive
         UNION ALL
         SELECT l.link, l.from_id, '$link', l.to_id FROM exequatur.link l WHERE l.to_type = $1 AND l.to_id = ANY($2::text[]) AND l.alive
       ) found LIMIT $3::int`,
      [type, ids, limit],
    );
  }

  async typeCounters(types: readonly string[]): Promise<Record<string, number>> {
    const rows = await this.sql.rows<{ type: string; counter: number }>(
      'SELECT s.type, s.counter::float8 AS counter FROM exequatur.type_state s WHERE s.type = ANY($1::text[])',
      [types],
    );
    const found = new Map(rows.map(({ type, counter }) => [type, counter]));
    return Object.fromEntries(types.map((type) => [type, found.get(type) ?? 0]));
  }
}

/** SQL for one object row `o` in the shape of ObjectState. Versions stay far below 2^53, so JSON numbers hold them. */
export const objectStateJson = `jsonb_build_object('type', o.type, 'id', o.id, 'version', o.version, 'properties', o.properties, 'propertyVersions', o.property_versions)`;
