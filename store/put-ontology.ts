import type { Caller } from '../ontology/authority.ts';
import { compileOntology } from '../ontology/compile-ontology.ts';
import { isBreaking, type OntologyChange } from '../ontology/diff-ontology.ts';
import type { JsonValue } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { announceChange } from './announce-change.ts';
import { type BegunMigration, beginMigration } from './begin-migration.ts';
import { lockDefinitionsAlone, lockDefinitionsShared } from './definitions-lock.ts';
import { examineUpload, stillHolds } from './examine-upload.ts';
import { keepDefinitions } from './keep-definitions.ts';
import { refusalToAdminister } from './may-administer.ts';
import { openFault, runningMigration } from './migrations.ts';
import { findOrphanedPolicies } from './orphaned-policies.ts';
import { currentActionVersions, type RedefinedAction, redefinedActions } from './redefined-actions.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
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
  /** Where data does not fit and the document's rules make it fit: it is in force when they have. `id` is null in a dry run. */
  migration: BegunMigration | null;
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
  const refusal = await refusalToAdminister(tx, deps, { action: 'ontology:put', actor }, 'ontology');
  if (refusal !== null) return refusal;
  const compiled = compileOntology(document, deps.ontologies.functions);
  if (!compiled.ok) return refuse('invalid_ontology', compiled.faults);
  const { ontology } = compiled;
  const fit = await findOrphanedPolicies(tx, ontology, deps);
  // Looking at millions of objects takes seconds, for which nothing need wait unless something changed meanwhile.
  const ahead = await examineUpload(tx, await deps.ontologies.load(tx), ontology, actor.id, deps);
  await tx.rows(`SELECT 1 FROM ${dryRun ? lockDefinitionsShared : lockDefinitionsAlone}`);
  const { faults: orphaned } = await findOrphanedPolicies(tx, ontology, deps, fit);
  if (orphaned.length > 0) return refuse('invalid_policies', orphaned);
  const open = await runningMigration(tx);
  if (open !== null) return refuse('migration_open', [openFault(open)]);
  const current = await deps.ontologies.load(tx);
  if (inForce !== undefined && inForce !== current?.ontology.digest) return refuse('stale_ontology');
  const before = await currentActionVersions(tx);
  const { digest } = ontology;
  if (current?.ontology.digest === digest) {
    const same = { version: current.version, digest, changed: false, accepted: true, dryRun, breaking: false };
    return { ...same, changes: [], faults: [], actionTypes: before, redefined: [], migration: null };
  }
  // What a dry run saw may be old by a moment; to look again would keep a switch waiting, which asks to hold the definitions alone.
  const isToBeBelieved = dryRun ? ahead.base === (current?.version ?? 0) : await stillHolds(tx, ahead, current);
  const { changes, faults, planned } = isToBeBelieved ? ahead : await examineUpload(tx, current, ontology, actor.id, deps);
  const described = { digest, changed: true, dryRun, breaking: current !== null && isBreaking(changes), changes, faults };
  if (planned !== null && current !== null) {
    if (isRefusal(planned)) return planned;
    const migration = await beginMigration(tx, { document, current, next: ontology, planned, actor, dryRun });
    // The document with the generated action types comes between.
    return { ...described, version: current.version + 2, accepted: true, actionTypes: before, redefined: [], migration };
  }
  if (faults.length > 0 && !dryRun) return refuse('ontology_breaks_data', faults);
  const version = await keepDefinitions(tx, current?.ontology ?? null, ontology, { author: actor.id, dry: dryRun });
  const actionTypes = await currentActionVersions(tx);
  const redefined = await redefinedActions(tx, before, actionTypes);
  if (!dryRun)
    announceChange(tx, {
      type: 'ontology.changed',
      subject: 'ontology',
      facts: { version, digest, actionTypes },
      personal: { actor: actor.id },
    });
  return { ...described, version, accepted: faults.length === 0, actionTypes, redefined, migration: null };
}
