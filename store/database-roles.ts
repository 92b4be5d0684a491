import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { sqlStateOf } from './sql-state.ts';

/**
 * The database's roles. Their names carry a prefix, the database's name, since roles belong to the whole cluster. Four cannot log in and own things; three log in
 * and own nothing. None has BYPASSRLS.
 */
const owning = ['owner', 'door', 'audit_writer', 'relay_reader'] as const;
const logins = ['api', 'worker', 'relay'] as const;

export type Login = (typeof logins)[number];
export type LoginPasswords = Readonly<Record<Login, string>>;

const roleName = (prefix: string, role: string): string => `${prefix}_${role}`;

/** What `{{owner}}` and `{{owner_literal}}` stand for in a migration: the quoted name, and the name as a string. */
export function roleTokens(prefix: string): Record<string, string> {
  return Object.fromEntries(
    [...owning, ...logins].flatMap((role) => [
      [role, pg.escapeIdentifier(roleName(prefix, role))],
      [`${role}_literal`, pg.escapeLiteral(roleName(prefix, role))],
    ]),
  );
}

const maxAttempts = 10; // Several databases of one cluster may be migrated at once; more than a few that meet again and again is something else.

/**
 * Creates what is missing and sets the logins' passwords. A repeat changes nothing else. Roles are the cluster's while the migrator's lock is the database's, so a
 * migrator of another database may change the same role at the same instant, which PostgreSQL refuses to one of the two: that one does it again.
 */
export async function ensureRoles(client: pg.Client, prefix: string, passwords: LoginPasswords): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      return await makeRoles(client, prefix, passwords);
    } catch (error) {
      const state = sqlStateOf(error);
      // "tuple concurrently updated" has no better state than internal_error.
      if (tried === maxAttempts || (state !== 'XX000' && state !== '23505')) throw error;
      await sleep(Math.random() * 20 * tried);
    }
  }
}

async function makeRoles(client: pg.Client, prefix: string, passwords: LoginPasswords): Promise<void> {
  const attributes = 'NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT';
  for (const role of owning) {
    await createRole(client, roleName(prefix, role), `NOLOGIN ${attributes}`);
    await client.query(`GRANT ${pg.escapeIdentifier(roleName(prefix, role))} TO CURRENT_USER WITH SET TRUE`);
  }
  for (const role of logins) {
    await createRole(client, roleName(prefix, role), `LOGIN ${attributes}`);
    await client.query(`ALTER ROLE ${pg.escapeIdentifier(roleName(prefix, role))} PASSWORD ${pg.escapeLiteral(passwords[role])}`);
  }
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
  const database = pg.escapeIdentifier(rows[0]?.name ?? '');
  await client.query(`GRANT CREATE, CONNECT ON DATABASE ${database} TO ${pg.escapeIdentifier(roleName(prefix, 'owner'))}`);
}

/** Roles are the cluster's, so two migrators of two databases may create one at the same instant; whoever comes second finds it there. */
async function createRole(client: pg.Client, name: string, attributes: string): Promise<void> {
  await client.query(`DO $do$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${pg.escapeLiteral(name)}) THEN CREATE ROLE ${pg.escapeIdentifier(name)} ${attributes}; END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $do$`);
}
