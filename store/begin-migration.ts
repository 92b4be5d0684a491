import { randomUUID } from 'node:crypto';
import type { Actor } from '../ontology/authority.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import { announceChange } from './announce-change.ts';
import { definitionRows } from './definition-rows.ts';
import { keepDefinitions } from './keep-definitions.ts';
import type { LoadedOntology } from './load-ontology.ts';
import type { PlannedMigration } from './plan-migration.ts';
import type { Tx } from './sql.ts';

export interface BegunMigration {
  /** Null in a dry run. */
  id: string | null;
  rules: { objectType: string; actionType: string; objects: number; batches: number }[];
}

export interface MigrationUpload {
  document: JsonValue;
  current: LoadedOntology;
  next: CompiledOntology;
  planned: PlannedMigration;
  actor: Actor;
  dryRun: boolean;
}

/**
 * Begins to rewrite what does not fit: puts in force the former document with an action type for each rule, and keeps, for the end, what is then to be written. A workflow
 * proposes the batches. The caller holds the definitions alone.
 */
export async function beginMigration(tx: Tx, upload: MigrationUpload): Promise<BegunMigration> {
  const { current, next, planned, actor, dryRun } = upload;
  const rules = planned.rules.map(({ objectType, actionType, objects, batch }) => ({
    objectType,
    actionType,
    objects,
    batches: Math.ceil(objects / batch),
  }));
  if (dryRun) return { id: null, rules };
  const id = randomUUID();
  await keepDefinitions(tx, current.ontology, planned.working, { author: actor.id, dry: false });
  await insertMigration(tx, id, upload);
  const facts = { migrationId: id, digest: next.digest, baseVersion: current.version, rules: rules as unknown as JsonObject[] };
  announceChange(tx, { type: 'ontology.migration_started', subject: 'ontology', facts: facts, personal: { actor: actor.id } });
  return { id, rules };
}

async function insertMigration(
  tx: Tx,
  id: string,
  { document, current, next, planned: { working, rules }, actor }: MigrationUpload,
): Promise<void> {
  await tx.rows(
    `INSERT INTO exequatur.ontology_migration (tenant_id, id, state, document, digest, target, restore, rules, base_version, started_by, proposer_kind, proposer_roles, acts_for, started_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, 'running', $2, $3, $4::jsonb, $5::jsonb, $6::jsonb, $7::int, $8, $9, $10::text[], $11, exequatur.clock())`,
    [
      id,
      JSON.stringify(document),
      next.digest,
      JSON.stringify(definitionRows(working, next)),
      JSON.stringify(definitionRows(working, current.ontology)),
      JSON.stringify(rules.map(({ objectType, actionType, objects }) => ({ objectType, actionType, objects }))),
      current.version,
      actor.id,
      actor.kind,
      [...actor.roles],
      actor.actsFor,
    ],
  );
}
