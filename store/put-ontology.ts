import { randomUUID } from 'node:crypto';
import type { Caller } from '../ontology/authority.ts';
import { compileOntology } from '../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import { diffOntologies, isBreaking, type OntologyChange } from '../ontology/diff-ontology.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { lockDefinitionsAlone, lockDefinitionsShared } from './definitions-lock.ts';
import { keepActionTypes, keepTypes } from './keep-definitions.ts';
import { findBreaks } from './ontology-breaks.ts';
import { currentActionVersions, type RedefinedAction, redefinedActions } from './redefined-actions.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { PrismaTx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

export interface OntologyOutcome {
  /** The version of the document, or the one it would get. */
  version: number;
  digest: string;
  /** False when the document is the one in force: nothing was written. */
  changed: boolean;
  /** True when the data fits. Where it does not, only a dry run says so here. */
  accepted: boolean;
  dryRun: boolean;
  breaking: boolean;
  /** Against the version in force before. */
  changes: OntologyChange[];
  /** What of the data does not fit. */
  faults: Fault[];
  /** Action type to its version then. */
  actionTypes: Record<string, number>;
  redefined: RedefinedAction[];
}

export interface UploadWishes {
  /** Says what would come of it and stores nothing. */
  dryRun?: boolean;
  /** The digest that the author took for the one in force. */
  inForce?: string;
}

/**
 * Accepts a tenant's definitions: all of them, or none with a pointer for each fault. Uploads of a tenant go one after another, and its executions wait, because an
 * object written meanwhile might not fit. An action type's version rises only when its own meaning changed, so an upload concerns no other proposal. A dry run does
 * the same up to what the database keeps for itself, lets executions go on, and is taken back.
 */
export async function putOntology(
  tx: PrismaTx,
  document: JsonValue,
  by: Caller,
  deps: StoreDeps,
  wishes: UploadWishes = {},
): Promise<OntologyOutcome | Refusal> {
  const outcome = await accept(tx, document, by, deps, wishes);
  if ('refused' in outcome || outcome.dryRun) tx.undo();
  return outcome;
}

async function accept(
  tx: PrismaTx,
  document: JsonValue,
  by: Caller,
  deps: StoreDeps,
  { dryRun = false, inForce }: UploadWishes,
): Promise<OntologyOutcome | Refusal> {
  const actor = await resolveActor(tx, by);
  const authority = deps.decide({ action: 'ontology:put', actor });
  if (!authority.allowed) return refuse(authority.reason);
  const compiled = compileOntology(document, deps.ontologies.functions);
  if (!compiled.ok) return refuse('invalid_ontology', compiled.faults);
  const { ontology } = compiled;
  await tx.rows(`SELECT 1 FROM ${dryRun ? lockDefinitionsShared : lockDefinitionsAlone}`);
  const current = await deps.ontologies.load(tx);
  if (inForce !== undefined && inForce !== current?.ontology.digest) return refuse('stale_ontology');
  const before = await currentActionVersions(tx);
  const { digest } = ontology;
  if (current?.ontology.digest === digest) {
    const same = { version: current.version, digest, changed: false, accepted: true, dryRun, breaking: false };
    return { ...same, changes: [], faults: [], actionTypes: before, redefined: [] };
  }
  const changes = diffOntologies(current?.ontology ?? null, ontology);
  const faults = current === null ? [] : await findBreaks(tx, current.ontology, ontology, changes);
  if (faults.length > 0 && !dryRun) return refuse('ontology_breaks_data', faults);
  const version = (current?.version ?? 0) + 1;
  await tx.prisma.ontologyVersion.createMany({
    data: [{ tenantId: tx.tenant, version, document: ontology.text, digest, createdBy: actor.id, createdAt: new Date() }],
  });
  if (!dryRun) await keepTypes(tx, current?.ontology ?? null, ontology, version);
  const actionTypes = await keepActionTypes(tx, ontology, version);
  const redefined = await redefinedActions(tx, before, actionTypes);
  if (!dryRun) await announce(tx, version, ontology, actor.id, actionTypes);
  const breaking = current !== null && isBreaking(changes);
  return { version, digest, changed: true, accepted: faults.length === 0, dryRun, breaking, changes, faults, actionTypes, redefined };
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
