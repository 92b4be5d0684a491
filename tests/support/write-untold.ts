import pg from 'pg';
import type { TestDatabase } from './database.ts';

/** Writes rows as nobody but a superuser can: no trigger asks whether the log tells of it. */
export async function writeUntold(database: TestDatabase, text: string, values: readonly unknown[] = []): Promise<void> {
  const client = new pg.Client({ connectionString: database.urls.superuser });
  await client.connect();
  try {
    await client.query('SET session_replication_role = replica');
    await client.query(text, [...values]);
  } finally {
    await client.end();
  }
}

/** A tenant's first definitions, of which no entry tells. */
export function writeFirstOntology(
  database: TestDatabase,
  tenant: string,
  { text, digest }: { text: string; digest: string },
): Promise<void> {
  return writeUntold(
    database,
    `INSERT INTO exequatur.ontology_version (tenant_id, version, document, digest, created_by, created_at) VALUES ($1, 1, $2, $3, 'test', now())`,
    [tenant, text, digest],
  );
}
