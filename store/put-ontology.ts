import { randomUUID } from 'node:crypto';
import type { Caller } from '../ontology/authority.ts';
import { compileOntology } from '../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import { lockDefinitionsAlone } from './definitions-lock.ts';
import { keepActionTypes, keepTypes } from './keep-definitions.ts';
import { findBreaks } from './ontology-breaks.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { PrismaTx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

export interface AcceptedOntology {
  version: number;
  digest: string;
  /** False when the document was the current one already: nothing was written. */
  changed: boolean;
  /** Action type to its version now. */
  actionTypes: Record<string, number>;
}

/**
 * Accepts a tenant's definitions: all of them, or none with a pointer for each fault. Uploads of a tenant go one after another, and its executions wait, because an
 * object written meanwhile might not fit. An action type's version rises only when its own meaning changed, so an upload voids no proposal it does not concern.
 */
export async function putOntology(tx: PrismaTx, document: JsonValue, by: Caller, deps: StoreDeps): Promise<AcceptedOntology | Refusal> {
  const accepted = await accept(tx, document, by, deps);
  if ('refused' in accepted) tx.undo();
  return accepted;
}

async function accept(tx: PrismaTx, document: JsonValue, by: Caller, deps: StoreDeps): Promise<AcceptedOntology | Refusal> {
  const actor = await resolveActor(tx, by);
  const authority = deps.decide({ action: 'ontology:put', actor });
  if (!authority.allowed) return refuse(authority.reason);
  const compiled = compileOntology(document, deps.ontologies.functions);
  if (!compiled.ok) return refuse('invalid_ontology', compiled.faults);
  const { ontology } = compiled;
  await tx.rows(`SELECT 1 FROM ${lockDefinitionsAlone}`);
  const current = await deps.ontologies.load(tx);
  if (current?.ontology.digest === ontology.digest) {
    return { version: current.version, digest: ontology.digest, changed: false, actionTypes: await currentActionVersions(tx) };
  }
  const breaks = current === null ? [] : await findBreaks(tx, current.ontology, ontology);
  if (breaks.length > 0) return refuse('ontology_breaks_data', breaks);
  const version = (current?.version ?? 0) + 1;
  await tx.prisma.ontologyVersion.createMany({
    data: [{ tenantId: tx.tenant, version, document: ontology.text, digest: ontology.digest, createdBy: actor.id, createdAt: new Date() }],
  });
  await keepTypes(tx, current?.ontology ?? null, ontology, version);
  const actionTypes = await keepActionTypes(tx, ontology, version);
  await announce(tx, version, ontology, actor.id, actionTypes);
  return { version, digest: ontology.digest, changed: true, actionTypes };
}

async function currentActionVersions(tx: PrismaTx): Promise<Record<string, number>> {
  const rows = await tx.rows<{ name: string; version: number }>(
    'SELECT a.name, a.current_version::int AS version FROM exequatur.action_type a WHERE NOT a.retired ORDER BY a.name',
  );
  return Object.fromEntries(rows.map(({ name, version }) => [name, version]));
}

async function announce(
  tx: PrismaTx,
  version: number,
  ontology: CompiledOntology,
  actor: string,
  actionTypes: Record<string, number>,
): Promise<void> {
  const facts: JsonObject = { version, digest: ontology.digest, actionTypes };
  const auditEntryId = tx.audit({ type: 'ontology.changed', facts, personal: { actor } });
  await tx.rows(
    `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, 'ontology.changed', 'ontology', $3::jsonb, exequatur.clock())`,
    [randomUUID(), auditEntryId, JSON.stringify(facts)],
  );
}
