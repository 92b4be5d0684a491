import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** A row of a table of the door's, by its columns; those that are left out have their defaults. */
export type Row = Readonly<Record<string, unknown>>;
export type Rows = Readonly<Record<string, readonly Row[]>>;

export interface Attempt {
  /** What is there before, as nobody but a superuser can write it: no trigger is asked. */
  rows: Rows;
  /** Likewise, by an earlier transaction. */
  earlier?: Rows;
  call: string;
  values?: readonly unknown[];
  /** Who calls; a superuser where it is left out. */
  as?: 'door' | 'worker' | 'api';
  /** What to look at afterwards, where the call itself answers nothing that tells. */
  look?: string;
  isolation?: 'REPEATABLE READ';
}

/** A name, the answer that is expected, and what is tried; as a function where it goes by what is known only once the test runs. */
export type Case = readonly [name: string, expected: string, attempt: Attempt | (() => Attempt)];

export const proposalId = '00000000-0000-4000-8000-000000000001';
export const planId = '00000000-0000-4000-8000-000000000002';
export const executionId = '00000000-0000-4000-8000-000000000003';
/** Stands in rows for the tenant, which each test has of its own. */
export const tenantId = '00000000-0000-4000-8000-00000000000f';
export const past = '2020-01-01T00:00:00Z';
export const future = '2999-01-01T00:00:00Z';
export const digest = `sha256:${'a'.repeat(64)}`;
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

export const proposal = (more: Row = {}): Row => ({
  ...{ id: proposalId, status: 'executing', action_type: 'send', action_type_version: 1, ontology_version: 1, parameters: '{}' },
  ...{
    parameters_hash: hashOf('{}'),
    justification: 'because',
    proposer_id: 'ann',
    proposer_kind: 'user',
    proposer_roles: [],
    revision: 1,
  },
  ...{ revision_seed: 's', evaluated_at: past, plan_id: planId, plan_digest: digest, expires_at: future, status_timestamps: {} },
  ...{ created_at: past, updated_at: past, failure: {} },
  ...more,
});

export const person = (id: string, more: Row = {}): Row => ({
  ...{ id, kind: 'user', disabled: false, first_seen_at: past, updated_at: past, teams: [], sources: {} },
  ...more,
});

export const robot = (id: string, more: Row = {}): Row => person(id, { kind: 'agent', ...more });

export const typeVersion = (more: Row = {}): Row => ({
  ...{
    name: 'send',
    version: 1,
    ontology_version: 1,
    definition: '{}',
    digest: 'd',
    surface: [],
    floors: [],
    ceilings: {},
    created_at: past,
  },
  ...more,
});

/** An approval of the plan, a day after everything else. */
export const review = (reviewer: string, more: Row = {}): Row => ({
  ...{ id: randomUUID(), proposal_id: proposalId, revision: 1, digest, decision: 'approve', reviewer_id: reviewer, reviewer_kind: 'user' },
  ...{ reviewer_roles: [], stage: 's', created_at: '2020-01-02T00:00:00Z' },
  ...more,
});

/** A log of one entry, by which the proposal stands where `type` brings it. */
export const logUpTo = (type: string): Rows => {
  const hash = `\\x${'00'.repeat(32)}`;
  const entry = { seq: 1, id: randomUUID(), at: past, type, proposal_id: proposalId, payload: '\\x7b7d', previous_hash: hash, hash };
  return { audit_head: [{ seq: 1, hash }], audit_entry: [entry] };
};

/** Crafted rows refer to nothing. This database is one file's alone. */
const withoutForeignKeys = `DO $$
  DECLARE c record;
  BEGIN
    FOR c IN SELECT k.conrelid::regclass AS referring, k.conname FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = 'exequatur'::regnamespace AND k.conparentid = 0 LOOP
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.referring, c.conname);
    END LOOP;
  END $$`;

/**
 * One tenant for the cases of a file, each in a transaction that is taken back: an answer is the first column of what was asked, as text, or the code and the words of the refusal.
 * Beside each refusal there is the same call with one fact as it should be.
 */
export function craftedRows() {
  let database: TestDatabase;
  let client: pg.Client;
  let tenant = '';
  beforeAll(async () => {
    database = await createTestDatabase();
    tenant = await database.createTenant();
    client = new pg.Client({ connectionString: database.urls.superuser });
    await client.connect();
    await client.query(withoutForeignKeys);
  });
  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });

  const insert = async (table: string, row: Row) => {
    const full = { tenant_id: tenant, ...row };
    const columns = Object.keys(full).map((name) => `"${name}"`);
    await client.query(
      `INSERT INTO exequatur.${table} (${columns.join()}) SELECT ${columns.join()} FROM jsonb_populate_record(NULL::exequatur.${table}, $1::jsonb)`,
      [JSON.stringify(full).replaceAll(tenantId, tenant)],
    );
  };

  const write = async (rows: Rows) => {
    await client.query('SET LOCAL session_replication_role = replica');
    for (const [table, some] of Object.entries(rows)) for (const row of some) await insert(table, row);
    await client.query('SET LOCAL session_replication_role = origin');
  };

  async function answerOf({ earlier, ...attempt }: Attempt): Promise<string> {
    if (earlier === undefined) return tried(attempt);
    try {
      await client.query('BEGIN');
      await write(earlier);
      await client.query('COMMIT');
      return await tried(attempt);
    } finally {
      await client.query('SET session_replication_role = replica');
      for (const table of Object.keys(earlier)) await client.query(`DELETE FROM exequatur.${table} WHERE tenant_id = $1`, [tenant]);
      await client.query('SET session_replication_role = origin');
    }
  }

  async function tried({ rows, call, values = [], as, look, isolation }: Attempt): Promise<string> {
    await client.query(`BEGIN ${isolation ? `ISOLATION LEVEL ${isolation}` : ''}`);
    try {
      await client.query("SELECT set_config('app.tenant', $1, true)", [tenant]);
      await write(rows);
      return await asked(as === undefined ? null : `${database.rolePrefix}_${as}`, call, values, look);
    } finally {
      await client.query('ROLLBACK');
    }
  }

  async function asked(role: string | null, call: string, values: readonly unknown[], look?: string): Promise<string> {
    try {
      if (role !== null) await client.query(`SET LOCAL ROLE ${role}`);
      let { rows } = await client.query({ text: call, values: [...values], rowMode: 'array' });
      if (look !== undefined) {
        await client.query('RESET ROLE');
        rows = (await client.query({ text: look, rowMode: 'array' })).rows;
      }
      const answers = rows.map(([first]) => (first !== null && typeof first === 'object' ? JSON.stringify(first) : String(first)));
      return answers.length === 0 ? 'none' : answers.join();
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      return `${error.code}: ${error.message}`;
    }
  }

  const each = (cases: readonly Case[]) =>
    it.each(cases)('%s: %s', async (_, expected, attempt) =>
      expect(await answerOf(typeof attempt === 'function' ? attempt() : attempt)).toBe(expected),
    );

  return { answerOf, each, tenant: () => tenant };
}
