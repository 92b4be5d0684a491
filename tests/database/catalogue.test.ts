import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lifecycleEdges } from '../../ontology/lifecycle.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
let superuser: pg.Client;
const rows = async <T>(text: string, values: unknown[] = []): Promise<T[]> => (await superuser.query(text, values)).rows as T[];

beforeAll(async () => {
  db = await createTestDatabase();
  superuser = new pg.Client({ connectionString: db.urls.superuser });
  await superuser.connect();
});
afterAll(async () => {
  await superuser.end();
  await db.drop();
});

/** Holds no tenant's data: the state machine is the same for all. */
const withoutTenant = ['lifecycle_edge'];
const tables = `SELECT c.oid, c.relname AS name FROM pg_class c WHERE c.relnamespace = 'exequatur'::regnamespace AND c.relkind IN ('r', 'p')`;

describe('every table with tenants in it', () => {
  it('has a tenant column that cannot be null', async () => {
    const found = await rows<{ name: string }>(
      `SELECT t.name FROM (${tables}) t WHERE NOT EXISTS (
         SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'tenant_id' AND a.atttypid = 'uuid'::regtype AND a.attnotnull) ORDER BY 1`,
    );
    expect(found.map(({ name }) => name)).toEqual(withoutTenant);
  });

  it('has forced row-level security with the one policy for everybody', async () => {
    const found = await rows<{ name: string }>(
      `SELECT t.name FROM (${tables}) t JOIN pg_class c ON c.oid = t.oid WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (
         SELECT FROM pg_policies p WHERE p.schemaname = 'exequatur' AND p.tablename = t.name AND p.roles = '{public}' AND p.cmd = 'ALL' AND p.permissive = 'PERMISSIVE'
            AND p.qual = p.with_check AND p.qual ~ 'tenant_id = \\( SELECT \\(NULLIF\\(current_setting\\(''app.tenant''::text, true\\), ''''::text\\)\\)::uuid')) ORDER BY 1`,
    );
    expect(found.map(({ name }) => name)).toEqual(withoutTenant);
  });

  it('has no other permissive policy than those of the relay, which sees logs, nudges, events and what they tell of objects, proposals, emergencies, index builds, migrations, schedules and subscriptions of all tenants, with what signs for these', async () => {
    const found = await rows<{ tablename: string; roles: string[] }>(
      `SELECT tablename, roles::text[] AS roles FROM pg_policies WHERE schemaname = 'exequatur' AND roles <> '{public}' AND permissive = 'PERMISSIVE' ORDER BY 1`,
    );
    expect(found.map(({ tablename }) => tablename)).toEqual([
      'audit_checkpoint',
      'audit_cosignature',
      'audit_entry',
      'audit_head',
      'audit_tile',
      'dead_letter',
      'endpoint_secret',
      'event_feed',
      'event_hold',
      'event_lane',
      'glass',
      'index_build',
      'link_history',
      'nudge',
      'object_history',
      'object_type',
      'ontology_migration',
      'outbox',
      'proposal',
      'saga',
      'schedule',
      'schedule_run',
      'subscription',
      'webhook_request',
    ]);
    expect(new Set(found.flatMap(({ roles }) => roles))).toEqual(new Set([`${db.rolePrefix}_relay_reader`]));
  });

  it('starts its keys with the tenant also where only an index holds them together', async () => {
    const found = await rows<{ name: string }>(
      `SELECT i.indexrelid::regclass::text AS name FROM pg_index i JOIN (${tables}) t ON t.oid = i.indrelid
        WHERE t.name <> ALL ($1) AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0]) <> 'tenant_id' ORDER BY 1`,
      [withoutTenant],
    );
    expect(found.map(({ name }) => name)).toEqual(['exequatur.nudge_undelivered']); // The relay asks for the oldest of all tenants.
  });

  it('leads its primary key, unique and foreign keys with the tenant', async () => {
    const found = await rows<{ name: string }>(
      `SELECT c.conrelid::regclass || ': ' || c.conname AS name FROM pg_constraint c JOIN (${tables}) t ON t.oid = c.conrelid
        WHERE c.contype IN ('p', 'u', 'f') AND t.name <> ALL ($1)
          AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = c.conkey[1]) <> 'tenant_id'
       UNION ALL
       SELECT i.indexrelid::regclass::text FROM pg_index i JOIN (${tables}) t ON t.oid = i.indrelid
        WHERE i.indisunique AND t.name <> ALL ($1) AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0]) <> 'tenant_id'`,
      [withoutTenant],
    );
    expect(found).toEqual([]);
    const keyless = await rows(
      `SELECT t.name FROM (${tables}) t WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = t.oid AND c.contype = 'p')`,
    );
    expect(keyless).toEqual([]);
  });
});

describe('roles', () => {
  it('can neither bypass row-level security nor do anything else by themselves', async () => {
    const found = await rows<{ rolname: string }>(
      `SELECT rolname FROM pg_roles WHERE rolname LIKE $1 AND (rolbypassrls OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication)`,
      [`${db.rolePrefix}\\_%`],
    );
    expect(found).toEqual([]);
  });

  it('log in only where they own nothing', async () => {
    const found = await rows<{ rolname: string; login: boolean; owns: boolean }>(
      `SELECT substr(r.rolname, length($1) + 2) AS rolname, r.rolcanlogin AS login,
              EXISTS (SELECT FROM pg_shdepend d WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid AND d.deptype = 'o'
                         AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())) AS owns
         FROM pg_roles r WHERE r.rolname LIKE $1 || '\\_%' ORDER BY 1`,
      [db.rolePrefix],
    );
    expect(found).toEqual([
      { rolname: 'api', login: true, owns: false },
      { rolname: 'audit_writer', login: false, owns: true },
      { rolname: 'door', login: false, owns: true },
      { rolname: 'owner', login: false, owns: true },
      { rolname: 'relay', login: true, owns: false },
      { rolname: 'relay_reader', login: false, owns: true },
      { rolname: 'worker', login: true, owns: false },
    ]);
  });

  it('are members of nothing', async () => {
    const found = await rows(
      `SELECT m.member::regrole::text AS member, m.roleid::regrole::text AS role FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname LIKE $1`,
      [`${db.rolePrefix}\\_%`],
    );
    expect(found).toEqual([]);
  });

  it('own tables only as the owner: door, audit writer and relay reader cannot alter a policy', async () => {
    const found = await rows<{ owner: string }>(
      `SELECT DISTINCT c.relowner::regrole::text AS owner FROM pg_class c WHERE c.relnamespace = 'exequatur'::regnamespace`,
    );
    expect(found).toEqual([{ owner: `${db.rolePrefix}_owner` }]);
  });

  it('write exactly this', async () => {
    const found = await rows<{ role: string; privilege: string; tables: string[] }>(
      `SELECT substr(g.grantee, length($1) + 2) AS role, g.privilege_type AS privilege, array_agg(DISTINCT g.table_name::text ORDER BY g.table_name::text) AS tables
         FROM information_schema.column_privileges g WHERE g.table_schema = 'exequatur' AND g.grantee IN ($1 || '_api', $1 || '_worker', $1 || '_relay')
          AND g.privilege_type <> 'SELECT' GROUP BY 1, 2
       UNION ALL
       SELECT substr(g.grantee, length($1) + 2), g.privilege_type, array_agg(DISTINCT g.table_name::text ORDER BY g.table_name::text)
         FROM information_schema.table_privileges g WHERE g.table_schema = 'exequatur' AND g.grantee IN ($1 || '_api', $1 || '_worker', $1 || '_relay')
          AND g.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE') GROUP BY 1, 2 ORDER BY 1, 2`,
      [db.rolePrefix],
    );
    expect(Object.fromEntries(found.map(({ role, privilege, tables: names }) => [`${role} ${privilege}`, names]))).toEqual({
      'api INSERT': [
        'decision',
        'endpoint_secret',
        'freeze_window',
        'glass',
        'idempotency_key',
        'nudge',
        'outbox',
        'principal',
        'proposal',
        'refusal_window',
        'review',
        'schedule',
        'standing_role',
        'switch',
        'webhook_request',
      ],
      'api UPDATE': [
        'delegation',
        'endpoint_secret',
        'event_hold',
        'freeze_window',
        'glass',
        'nudge',
        'principal',
        'proposal',
        'refusal_window',
        'schedule',
        'standing_role',
        'switch',
        'tenant_control',
      ],
      'worker INSERT': ['decision', 'nudge', 'outbox', 'plan', 'plan_chunk', 'prompt', 'read_set', 'read_set_reads'],
      'worker UPDATE': ['glass', 'nudge', 'proposal', 'saga_step'],
    });
  });
});

describe('functions', () => {
  it('can be executed only by those they were granted to', async () => {
    const found = await rows(
      `SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE p.pronamespace = 'exequatur'::regnamespace
          AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE') ORDER BY 1`,
    );
    expect(found).toEqual([]);
  });

  it('with another’s rights are open to the login that calls them and to no other', async () => {
    const found = await rows<{ login: string; functions: string[] }>(
      `SELECT l.login, array_agg(p.proname::text ORDER BY p.proname::text COLLATE "C") AS functions
         FROM pg_proc p CROSS JOIN unnest(ARRAY['api', 'worker', 'relay']) l(login)
        WHERE p.pronamespace = 'exequatur'::regnamespace AND p.prosecdef AND has_function_privilege($1 || '_' || l.login, p.oid, 'EXECUTE') GROUP BY 1`,
      [db.rolePrefix],
    );
    expect(Object.fromEntries(found.map(({ login, functions }) => [login, functions]))).toEqual({
      api: [
        'append_audit',
        'append_system',
        'approvals_since',
        'cancel_execution',
        'cancel_migration',
        'combine_actions',
        'counted_since',
        'delegation_holds',
        'erase_personal_data',
        'foresee_definitions',
        'found_setting',
        'glass_in_force',
        'held_by',
        'in_force',
        'know_settings',
        'reindex',
        'remove_freeze_window',
        'remove_subscription',
        'replay_subscription',
        'resolve_attention',
        'revise_proposal',
        'revise_setting',
        'stands_behind',
      ],
      relay: [
        'bury_event',
        'bury_unreadable',
        'checkpoints_to_cosign',
        'claim_kafka_lanes',
        'claim_webhook_lanes',
        'claim_webhook_requests',
        'delete_old_events',
        'disable_subscription',
        'event_backlog',
        'fail_delivery',
        'filed_cosignatures',
        'finish_webhook_request',
        'hold_key',
        'lane_events',
        'lane_holds',
        'last_checkpoint',
        'last_checkpoints',
        'leaves_of_logs',
        'log_leaves',
        'log_tile',
        'logs_to_seal',
        'mark_delivered',
        'mark_nudge_delivered',
        'mark_schedule_told',
        'mark_schedule_watched',
        'move_lane',
        'oldest_event',
        'open_proposals',
        'owed_reviews',
        'release_key',
        'running_migrations',
        'schedules_to_tell',
        'schedules_to_watch',
        'store_checkpoint',
        'store_checkpoints',
        'store_cosignature',
        'tell_due_checkpoint',
        'thin_checkpoints',
        'times_without_run',
        'undelivered_nudges',
        'unfinished_indexes',
        'unreviewed_emergencies',
        'webhook_backlog',
        'webhook_secrets',
      ],
      worker: [
        'advance_indexes',
        'append_audit',
        'apply_plan',
        'approvals_since',
        'begin_execution',
        'begin_saga',
        'begin_saga', // Also without saying what keys name, as workers from before do.
        'combine_actions',
        'counted_since',
        'delegation_holds',
        'end_migration',
        'end_saga',
        'finish_saga',
        'foresee_definitions',
        'glass_in_force',
        'held_by',
        'hold_types',
        'in_force',
        'leave_executing',
        'lock_control',
        'need_attention',
        'propose_batch',
        'raise_proposal',
        'run_schedule',
        'stands_behind',
        'stick_edits',
        'turn_back',
        'undo_execution',
      ],
    });
  });

  it('that run as their owner pin the search path, temporary objects last', async () => {
    const found = await rows<{ name: string }>(
      `SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE p.pronamespace = 'exequatur'::regnamespace AND p.prosecdef
          AND NOT coalesce(p.proconfig, '{}') @> ARRAY['search_path=pg_catalog, exequatur, pg_temp']`,
    );
    expect(found).toEqual([]);
  });

  it('run as an owner that cannot log in and owns no table', async () => {
    const found = await rows<{ owner: string }>(
      `SELECT DISTINCT p.proowner::regrole::text AS owner FROM pg_proc p WHERE p.pronamespace = 'exequatur'::regnamespace AND p.prosecdef ORDER BY 1`,
    );
    expect(found.map(({ owner }) => owner.slice(db.rolePrefix.length + 1))).toEqual(['audit_writer', 'door', 'relay_reader']);
  });

  it('are the only way to another’s rights: there is no view, which would read with its owner’s', async () => {
    expect(
      await rows(`SELECT relname FROM pg_class WHERE relnamespace = 'exequatur'::regnamespace AND relkind NOT IN ('r', 'i', 'p', 'c')`),
    ).toEqual([]);
  });
});

it('the lifecycle in the database is the lifecycle in the code', async () => {
  const found = await rows<{ from_status: string; to_status: string }>('SELECT from_status, to_status FROM exequatur.lifecycle_edge');
  const pairs = (edges: Iterable<readonly [string, string]>) => [...edges].map(([from, to]) => `${from} > ${to}`).sort();
  expect(pairs(found.map((edge) => [edge.from_status, edge.to_status] as const))).toEqual(pairs(lifecycleEdges));
});

describe('the Prisma schema', () => {
  const scalars: Record<string, string> = {
    String: 'text',
    Int: 'integer',
    BigInt: 'bigint',
    Boolean: 'boolean',
    Json: 'jsonb',
    Bytes: 'bytea',
    DateTime: 'timestamp with time zone',
  };

  /** model -> column -> type and whether it may be null, read from the schema's text. */
  function modelsOf(schema: string): Record<string, Record<string, string>> {
    const models: Record<string, Record<string, string>> = {};
    for (const [, body] of schema.matchAll(/^model \w+ \{\n([\s\S]*?)^\}/gm)) {
      const table = /@@map\("(\w+)"\)/.exec(body ?? '')?.[1] ?? '';
      const columns: Record<string, string> = {};
      for (const [, field, scalar, list, optional, rest] of (body ?? '').matchAll(/^ {2}(\w+)\s+(\w+)(\[\])?(\?)?(.*)$/gm)) {
        const type = rest?.includes('@db.Uuid') ? 'uuid' : (scalars[scalar ?? ''] ?? `unknown ${scalar}`);
        columns[/@map\("(\w+)"\)/.exec(rest ?? '')?.[1] ?? (field as string)] =
          `${type}${list ?? ''}${optional === undefined ? ' not null' : ''}`;
      }
      models[table] = columns;
    }
    return models;
  }

  it('has the columns that the migrations make, with their types and nullability', async () => {
    const models = modelsOf(readFileSync(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8'));
    const found = await rows<{ table_name: string; columns: Record<string, string> }>(
      `SELECT c.relname AS table_name, jsonb_object_agg(a.attname, format_type(a.atttypid, NULL) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END) AS columns
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'exequatur'::regnamespace AND c.relkind = 'r' AND c.relname = ANY ($1) GROUP BY 1`,
      [Object.keys(models)],
    );
    expect(Object.keys(models).length).toBeGreaterThan(5);
    expect(models).toEqual(Object.fromEntries(found.map(({ table_name, columns }) => [table_name, columns])));
  });
});
