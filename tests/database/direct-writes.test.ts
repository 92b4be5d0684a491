import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPool } from '../../store/connect.ts';
import { apply, begin, inTenant, openScene, type Planned, refusalOf, type Scene, tell } from './door-scene.ts';

const forbidden = '42501'; // insufficient_privilege: also what row-level security's WITH CHECK raises.
let scene: Scene;
let awaiting: Planned;

beforeAll(async () => {
  scene = await openScene();
  await scene.carry('populate', [
    { op: 'create', type: 'airport', id: 'ATL', set: { name: 'Atlanta', status: 'open' } },
    { op: 'create', type: 'airport', id: 'ORD', set: { name: "O'Hare", status: 'open' } },
    { op: 'link', link: 'alternates', from: 'ORD', to: 'ATL' },
  ]);
  awaiting = await scene.plan(await scene.propose('rename'), [
    { op: 'modify', type: 'airport', id: 'ORD', set: { name: 'Orchard' }, before: { name: "O'Hare" } },
  ]);
});
afterAll(() => scene.close());

const attempt = (login: 'api' | 'worker' | 'relay', text: string, values: unknown[] = []) =>
  refusalOf(scene.as(login, (client) => client.query(text, values)));

describe('no run-time login', () => {
  const written = [
    'object',
    'object_index',
    'link',
    'object_history',
    'link_history',
    'execution',
    'review_consumption',
    'audit_entry',
    'audit_head',
    'audit_disclosure',
    'tenant',
    'lifecycle_edge',
  ];
  for (const login of ['api', 'worker', 'relay'] as const) {
    it.each(written)(`${login} inserts, changes, deletes or truncates rows of %s`, async (table) => {
      expect(await attempt(login, `INSERT INTO exequatur.${table} DEFAULT VALUES`)).toBe(forbidden);
      const column = table === 'lifecycle_edge' ? 'from_status' : 'tenant_id';
      expect(await attempt(login, `UPDATE exequatur.${table} SET ${column} = ${column}`)).toBe(forbidden);
      expect(await attempt(login, `DELETE FROM exequatur.${table}`)).toBe(forbidden);
      expect(await attempt(login, `TRUNCATE exequatur.${table} CASCADE`)).toBe(forbidden);
      expect(await attempt(login, `ALTER TABLE exequatur.${table} DISABLE ROW LEVEL SECURITY`)).toBe(forbidden);
    });

    it(`${login} becomes another role, or anybody by SET ROLE`, async () => {
      for (const role of ['owner', 'door', 'audit_writer', 'relay_reader', 'api', 'worker', 'relay'].filter((name) => name !== login)) {
        expect(await attempt(login, `SET LOCAL ROLE ${scene.db.rolePrefix}_${role}`)).toBe(forbidden);
        expect(await attempt(login, `SET LOCAL SESSION AUTHORIZATION ${scene.db.rolePrefix}_${role}`)).toBe(forbidden);
      }
    });

    it(`${login} creates anything in the schema`, async () => {
      expect(await attempt(login, 'CREATE TABLE exequatur.own (id int)')).toBe(forbidden);
      expect(await attempt(login, 'CREATE VIEW exequatur.everything AS SELECT 1')).toBe(forbidden);
      expect(await attempt(login, "CREATE FUNCTION exequatur.clock2() RETURNS int LANGUAGE sql AS 'SELECT 1'")).toBe(forbidden);
      expect(await attempt(login, "CREATE OR REPLACE FUNCTION exequatur.clock() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'")).toBe(
        forbidden,
      );
    });

    it(`${login} switches triggers off or replays as a replica`, async () => {
      expect(await attempt(login, 'SET LOCAL session_replication_role = replica')).toBe(forbidden);
      expect(await attempt(login, 'ALTER TABLE exequatur.proposal DISABLE TRIGGER ALL')).toBe(forbidden);
    });
  }
});

describe('each login', () => {
  it('the API writes no plan, and the worker does', async () => {
    const insert = `INSERT INTO exequatur.plan (tenant_id, id, proposal_id, revision, digest, bytes, edits, summary, requirement, created_at)
                    VALUES ($1, $2, $3, 1, $4, 0, 0, '{}', '{}', exequatur.clock())`;
    const values = () => [scene.tenant, randomUUID(), awaiting.id, `sha256:${'0'.repeat(64)}`];
    expect(await attempt('api', insert, values())).toBe(forbidden);
    expect(await attempt('api', 'INSERT INTO exequatur.plan_chunk DEFAULT VALUES')).toBe(forbidden);
    expect(await attempt('api', 'INSERT INTO exequatur.read_set DEFAULT VALUES')).toBe(forbidden);
    expect(await attempt('api', 'UPDATE exequatur.proposal SET plan_digest = plan_digest WHERE id = $1', [awaiting.id])).toBe(forbidden);
    expect(await attempt('worker', insert, values())).toBe('none');
  });

  it('the worker writes no review, definition, principal or proposal, and the API does', async () => {
    for (const table of [
      'review',
      'proposal',
      'idempotency_key',
      'principal',
      'standing_role',
      'ontology_version',
      'object_type',
      'action_type_version',
      'type_state',
    ]) {
      expect(await attempt('worker', `INSERT INTO exequatur.${table} DEFAULT VALUES`)).toBe(forbidden);
    }
    expect(await attempt('worker', "UPDATE exequatur.principal SET kind = 'user'")).toBe(forbidden);
    expect(await attempt('worker', 'UPDATE exequatur.object_type SET minimum_approvals = 0')).toBe(forbidden);
    expect(await attempt('worker', "UPDATE exequatur.proposal SET parameters = '{}' WHERE id = $1", [awaiting.id])).toBe(forbidden);
    await scene.review(awaiting, 'somebody');
  });

  it('the relay reads no tenant’s rows, even with its tenant set, and gets its nudges through its functions', async () => {
    expect(await attempt('relay', 'SELECT * FROM exequatur.proposal')).toBe(forbidden);
    expect(await attempt('relay', 'SELECT * FROM exequatur.object')).toBe(forbidden);
    expect(await attempt('relay', "SELECT * FROM exequatur.undelivered_nudges('0', 1)")).toBe('none');
    expect(await attempt('worker', "SELECT * FROM exequatur.undelivered_nudges('0', 1)")).toBe(forbidden);
  });

  it('rewrites no stored plan, review, read set or definition', async () => {
    for (const table of ['plan', 'plan_chunk', 'read_set', 'read_set_reads', 'review', 'ontology_version', 'action_type_version']) {
      for (const login of ['api', 'worker'] as const) {
        expect(await attempt(login, `UPDATE exequatur.${table} SET tenant_id = tenant_id`)).toBe(forbidden);
        expect(await attempt(login, `DELETE FROM exequatur.${table}`)).toBe(forbidden);
      }
    }
  });

  it('even the owner does not: the tables are append-only by trigger', async () => {
    for (const table of [
      'plan',
      'plan_chunk',
      'read_set',
      'review',
      'execution',
      'object_history',
      'audit_entry',
      'ontology_version',
      'action_type_version',
    ]) {
      const text = `SET LOCAL ROLE ${scene.db.rolePrefix}_owner; UPDATE exequatur.${table} SET tenant_id = tenant_id`;
      const outcome = await refusalOf(scene.as('superuser', (client) => client.query(text)));
      const rows = await scene.as('superuser', (client) =>
        client.query(`SELECT 1 FROM exequatur.${table} WHERE tenant_id = $1 LIMIT 1`, [scene.tenant]),
      );
      if (rows.rowCount === 1) expect([table, outcome]).toEqual([table, 'XQ011']);
    }
  });
});

describe('row-level security', () => {
  it('shows nothing and takes nothing while no tenant is set', async () => {
    const pool = openPool(scene.db.urls.api);
    try {
      for (const table of ['object', 'proposal', 'plan', 'review', 'ontology_version', 'principal', 'object_index', 'audit_entry']) {
        expect((await pool.query(`SELECT 1 FROM exequatur.${table}`)).rowCount).toBe(0);
      }
      expect((await pool.query("UPDATE exequatur.proposal SET status = 'withdrawn'")).rowCount).toBe(0);
      expect(
        await refusalOf(
          pool.query(
            "INSERT INTO exequatur.principal (tenant_id, id, kind, first_seen_at, updated_at) VALUES ($1, 'x', 'user', now(), now())",
            [scene.tenant],
          ),
        ),
      ).toBe(forbidden);
    } finally {
      await pool.end();
    }
  });

  it('cannot be switched off: without it the statement is refused, not widened', async () => {
    expect(await refusalOf(scene.as('api', (client) => client.query('SET LOCAL row_security = off; SELECT * FROM exequatur.object')))).toBe(
      forbidden,
    );
  });

  it('shows another tenant nothing, and takes no row of another tenant', async () => {
    const other = await scene.db.createTenant();
    const pool = openPool(scene.db.urls.api);
    try {
      const seen = await inTenant(pool, other, (client) =>
        client.query('SELECT 1 FROM exequatur.object UNION ALL SELECT 1 FROM exequatur.proposal'),
      );
      expect(seen.rowCount).toBe(0);
      const update = (client: pg.PoolClient) =>
        client.query("UPDATE exequatur.proposal SET status = 'withdrawn' WHERE id = $1", [awaiting.id]);
      expect((await inTenant(pool, other, update)).rowCount).toBe(0);
      const insert = (client: pg.PoolClient) =>
        client.query(
          "INSERT INTO exequatur.principal (tenant_id, id, kind, first_seen_at, updated_at) VALUES ($1, 'x', 'user', now(), now())",
          [scene.tenant],
        );
      expect(await refusalOf(inTenant(pool, other, insert))).toBe(forbidden);
    } finally {
      await pool.end();
    }
    const mine = await scene.as('api', (client) => client.query('SELECT 1 FROM exequatur.object'));
    expect(mine.rowCount).toBe(2);
  });

  it.each([
    ['view', 'CREATE TEMPORARY VIEW peek AS SELECT * FROM exequatur.object', 'SELECT FROM peek'],
    [
      'function',
      `CREATE FUNCTION pg_temp.peek() RETURNS SETOF exequatur.object LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM exequatur.object'`,
      'SELECT FROM pg_temp.peek()',
    ],
  ])('holds in a %s that a login makes for itself', async (_, make, read) => {
    const pool = openPool(scene.db.urls.api, { max: 1 });
    const seenBy = (tenant: string) =>
      inTenant(pool, tenant, async (client) => {
        await client.query(make);
        const { rowCount } = await client.query(read);
        await client.query('DISCARD TEMP').catch(() => {});
        return rowCount;
      });
    try {
      expect(await seenBy(await scene.db.createTenant())).toBe(0);
    } finally {
      await pool.end();
    }
    const own = openPool(scene.db.urls.api, { max: 1 });
    const mine = await inTenant(own, scene.tenant, async (client) => {
      await client.query(make);
      return (await client.query(read)).rowCount;
    });
    await own.end();
    expect(mine).toBe(2);
  });
});

describe('the state machine', () => {
  it('refuses an edge it does not hold, and takes one it holds', async () => {
    const planned = await scene.plan(await scene.propose('rename'), []);
    expect(await attempt('worker', "UPDATE exequatur.proposal SET status = 'executed' WHERE id = $1", [planned.id])).toBe('XQ006');
    expect(await attempt('api', "UPDATE exequatur.proposal SET status = 'needs_attention' WHERE id = $1", [planned.id])).toBe('XQ006');
    expect(await attempt('api', "UPDATE exequatur.proposal SET status = 'approved' WHERE id = $1", [planned.id])).toBe('XQ015'); // It tells nobody.
    expect(await refusalOf(scene.approve(planned))).toBe('none');
  });

  it('leaves the edges into and out of executing to the door', async () => {
    const planned = await scene.plan(await scene.propose('rename'), []);
    await scene.approve(planned);
    for (const login of ['api', 'worker'] as const) {
      expect(await attempt(login, "UPDATE exequatur.proposal SET status = 'executing' WHERE id = $1", [planned.id])).toBe('XQ006');
    }
    expect(await attempt('api', 'SELECT exequatur.begin_execution($1, $2)', [planned.id, randomUUID()])).toBe(forbidden);
    expect(await attempt('worker', 'SELECT exequatur.begin_execution($1, $2)', [planned.id, randomUUID()])).toBe('XQ015');
    await scene.as('worker', async (client) => tell(client, await begin(client, planned, randomUUID())));
    expect(await attempt('worker', "UPDATE exequatur.proposal SET status = 'executed' WHERE id = $1", [planned.id])).toBe('XQ006');
    expect(await attempt('worker', "SELECT exequatur.leave_executing($1, 'executed', NULL)", [planned.id])).toBe('XQ006');
    expect(await attempt('worker', "SELECT exequatur.leave_executing($1, 'simulating', NULL)", [planned.id])).toBe('XQ015');
  });

  it('lets nobody but the door write while an execution lasts, and nobody once it has ended', async () => {
    const planned = await scene.plan(await scene.propose('rename'), []);
    await scene.review(planned, 'reviewer');
    await scene.approve(planned);
    const rewrite = `UPDATE exequatur.proposal SET status_timestamps = '{"executing": "2000-01-01T00:00:00Z"}' WHERE id = $1`;
    expect(await attempt('worker', rewrite, [planned.id])).toBe('none');
    const executionId = randomUUID();
    await scene.as('worker', async (client) => tell(client, await begin(client, planned, executionId)));
    expect(await attempt('worker', rewrite, [planned.id])).toBe('XQ006');
    expect(await refusalOf(scene.as('worker', (client) => apply(client, planned, executionId)))).toBe('none');
    for (const login of ['api', 'worker'] as const) expect(await attempt(login, rewrite, [planned.id])).toBe('XQ006');
  });

  it('gives no login a way to a lock that it has no rows for, to files or to programs', async () => {
    for (const login of ['api', 'worker', 'relay'] as const) {
      for (const text of [
        'LOCK TABLE exequatur.object IN SHARE MODE',
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('postgresql.conf')",
        'CREATE EXTENSION dblink',
        'CREATE SCHEMA own',
        'SELECT exequatur.apply_object_edits(NULL, NULL, NULL, NULL, NULL)',
        "SELECT exequatur.ensure_tenant('x', 'x')",
      ]) {
        expect([text, await attempt(login, text)]).toEqual([text, forbidden]);
      }
    }
  });

  it('lets nobody begin a proposal anywhere but in simulating, nor with a plan', async () => {
    const copy = (status: string, plan: string) =>
      attempt(
        'api',
        `INSERT INTO exequatur.proposal (tenant_id, id, status, action_type, action_type_version, ontology_version, parameters, parameters_hash, justification, proposer_id, proposer_kind,
           proposer_roles, revision_seed, evaluated_at, plan_id, plan_digest, expires_at, status_timestamps, created_at, updated_at)
         SELECT tenant_id, gen_random_uuid(), '${status}', action_type, action_type_version, ontology_version, parameters, parameters_hash, justification, proposer_id, proposer_kind,
           proposer_roles, revision_seed, evaluated_at, ${plan}, expires_at, status_timestamps, created_at, updated_at FROM exequatur.proposal WHERE id = $1`,
        [awaiting.id],
      );
    expect(await copy('approved', 'plan_id, plan_digest')).toBe('XQ006');
    expect(await copy('simulating', 'plan_id, plan_digest')).toBe('XQ006');
    expect(await copy('simulating', 'NULL, NULL')).toBe('XQ015');
    expect(await refusalOf(scene.propose('rename'))).toBe('none');
  });

  it('changes neither what a proposal is, nor its plan once it is approved', async () => {
    const planned = await scene.plan(await scene.propose('rename'), []);
    const other = await scene.plan(await scene.propose('rename'), []);
    await scene.approve(planned);
    const swap = 'UPDATE exequatur.proposal SET plan_id = $2, plan_digest = $3 WHERE id = $1';
    expect(await attempt('worker', swap, [planned.id, other.planId, `sha256:${'1'.repeat(64)}`])).toBe('XQ006');
    for (const change of [
      "proposer_id = 'somebody'",
      "action_type = 'close'",
      "parameters = '{}'",
      'revert_of = gen_random_uuid()',
      "expires_at = 'infinity'",
    ]) {
      expect(await attempt('api', `UPDATE exequatur.proposal SET ${change} WHERE id = $1`, [planned.id])).toBe(forbidden);
      expect(await attempt('worker', `UPDATE exequatur.proposal SET ${change} WHERE id = $1`, [planned.id])).toBe(forbidden);
    }
  });
});
