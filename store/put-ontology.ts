import type { Actor, Caller } from '../ontology/authority.ts';
import { canonicalText } from '../ontology/canonical-json.ts';
import { compileOntology } from '../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import { isBreaking, type OntologyChange } from '../ontology/diff-ontology.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import { ontologyLoosenings } from '../ontology/ontology-loosens.ts';
import type { Fault } from '../ontology/plan.ts';
import type { Loosening } from '../ontology/setting-actions.ts';
import { announceDefinitions } from './announce-definitions.ts';
import { definitionRows } from './definition-rows.ts';
import { lockDefinitionsAlone } from './definitions-lock.ts';
import { examineUpload } from './examine-upload.ts';
import { foundSetting } from './found-setting.ts';
import type { LoadedOntology } from './load-ontology.ts';
import { refusalToAdminister } from './may-administer.ts';
import { openFault, runningMigration } from './migrations.ts';
import { findOrphanedPolicies, type PolicyCheck } from './orphaned-policies.ts';
import { type DocumentUpload, ontologyChange } from './plan-ontology-change.ts';
import { proposeSetting } from './propose-setting.ts';
import { currentActionVersions, foreseeDefinitions, type RedefinedAction, redefinedActions } from './redefined-actions.ts';
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
  /** Against the version in force. */
  changes: OntologyChange[];
  /** What lets more happen, or asks less of somebody; where there is any, another person has to approve. */
  loosens: Loosening[];
  /** What of the data does not fit. */
  faults: Fault[];
  /** Action type to its version then. */
  actionTypes: Record<string, number>;
  redefined: RedefinedAction[];
  /** Where data does not fit and the document's rules make it fit: it is in force when they have. */
  migration: { rules: MigrationOutline[] } | null;
  /** The proposal that puts it in force. Null in a dry run, of a tenant's first document, and where nothing changes. */
  proposalId: string | null;
}

export interface MigrationOutline {
  objectType: string;
  actionType: string;
  objects: number;
  batches: number;
}

export interface UploadWishes {
  /** Says what would come of it and stores nothing. */
  dryRun?: boolean;
  /** The digest that the author took for the one in force. */
  inForce?: string;
  /** Why, for whoever approves. */
  justification?: string;
}

/**
 * Takes a tenant's definitions: all of them, or none with a pointer for each fault. The first document is in force at once; another becomes a proposal, which takes a
 * second person where it loosens. An action type's version rises only when its own meaning changed, so a document concerns no other proposal.
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
  wishes: UploadWishes,
): Promise<OntologyOutcome | Refusal> {
  const actor = await resolveActor(tx, by);
  const refusal = await refusalToAdminister(tx, deps, { action: 'ontology:put', actor }, 'ontology');
  if (refusal !== null) return refusal;
  const compiled = compileOntology(document, deps.ontologies.functions);
  if (!compiled.ok) return refuse('invalid_ontology', compiled.faults);
  const next = compiled.ontology;
  const current = await deps.ontologies.load(tx);
  if (wishes.inForce !== undefined && wishes.inForce !== current?.ontology.digest) return refuse('stale_ontology');
  const policies = await findOrphanedPolicies(tx, next, deps);
  if (policies.faults.length > 0) return refuse('invalid_policies', policies.faults);
  if (current === null) return acceptFirst(tx, next, actor, deps, wishes);
  const open = await runningMigration(tx);
  if (open !== null) return refuse('migration_open', [openFault(open)]);
  if (current.ontology.digest === next.digest) return unchanged(tx, current, wishes);
  const upload = { current, ...asKept(document, deps), proposer: actor.id };
  return acceptLater(tx, upload, { actor, policies }, deps, wishes);
}

/** As the proposal will hold it: what is worked out from it here must be what the worker works out, to the order of names. */
function asKept(sent: JsonValue, { ontologies }: StoreDeps): Pick<DocumentUpload, 'next' | 'document'> {
  const document = JSON.parse(canonicalText(sent)) as JsonValue;
  const compiled = compileOntology(document, ontologies.functions);
  if (!compiled.ok) throw new Error('a document that compiled no longer does');
  return { document, next: compiled.ontology };
}

async function acceptFirst(
  tx: PrismaTx,
  next: CompiledOntology,
  actor: Actor,
  deps: StoreDeps,
  { dryRun = false }: UploadWishes,
): Promise<OntologyOutcome | Refusal> {
  const { digest } = next;
  const rows = definitionRows(null, next);
  if (!dryRun) {
    await tx.rows(`SELECT 1 FROM ${lockDefinitionsAlone}`);
    // Two at once: what the other brought is what this one would now change.
    if ((await deps.ontologies.load(tx)) !== null) return refuse('stale_ontology');
  }
  const { changes } = await examineUpload(tx, null, next, actor.id, deps);
  const foreseen = await foreseeDefinitions(tx, rows);
  const { actionTypes } = foreseen;
  if (!dryRun) {
    await foundSetting(
      tx,
      { setting: 'ontology', id: 'ontology', before: {}, set: { definitions: rows as unknown as JsonObject } },
      actor.id,
    );
    announceDefinitions(tx, { version: 1, digest, actionTypes }, actor.id);
  }
  const described = { version: 1, digest, changed: true, accepted: true, dryRun, breaking: false, changes, loosens: [], faults: [] };
  return { ...described, actionTypes, redefined: redefinedActions({}, foreseen), migration: null, proposalId: null };
}

async function unchanged(
  tx: PrismaTx,
  { version, ontology: { digest } }: LoadedOntology,
  { dryRun = false }: UploadWishes,
): Promise<OntologyOutcome> {
  const same = { version, digest, changed: false, accepted: true, dryRun, breaking: false, changes: [], loosens: [], faults: [] };
  return { ...same, actionTypes: await currentActionVersions(tx), redefined: [], migration: null, proposalId: null };
}

async function acceptLater(
  tx: PrismaTx,
  upload: DocumentUpload,
  { actor, policies }: { actor: Actor; policies: PolicyCheck },
  deps: StoreDeps,
  { dryRun = false, justification }: UploadWishes,
): Promise<OntologyOutcome | Refusal> {
  const { current, next, document } = upload;
  const examined = await examineUpload(tx, current, next, actor.id, deps);
  const { changes, planned } = examined;
  if (planned !== null && isRefusal(planned)) return planned;
  const faults = planned === null ? examined.faults : [];
  if (faults.length > 0 && !dryRun) return refuse('ontology_breaks_data', faults);
  const before = await currentActionVersions(tx);
  const foreseen =
    planned === null ? await foreseeDefinitions(tx, definitionRows(current.ontology, next)) : { actionTypes: before, waiting: {} };
  const change = ontologyChange(upload, examined, policies);
  const described = {
    // A document that rewrites objects first comes after the one that does so.
    version: current.version + (planned === null ? 1 : 2),
    digest: next.digest,
    changed: true,
    accepted: faults.length === 0,
    dryRun,
    breaking: isBreaking(changes),
    changes,
    loosens: faults.length === 0 ? change.loosens : ontologyLoosenings(current.ontology.document, next.document, changes, policies.goneBy),
    faults: examined.faults,
    actionTypes: foreseen.actionTypes,
    redefined: redefinedActions(before, foreseen),
    migration: planned === null ? null : { rules: planned.rules.map(outline) },
  };
  if (dryRun) return { ...described, proposalId: null };
  const parameters = { base: current.ontology.digest, document };
  const words = justification ?? 'A new ontology document';
  const proposed = await proposeSetting(tx, { actor, parameters, justification: words, change }, deps);
  return isRefusal(proposed) ? proposed : { ...described, proposalId: proposed.proposalId };
}

function outline({
  objectType,
  actionType,
  objects,
  batch,
}: {
  objectType: string;
  actionType: string;
  objects: number;
  batch: number;
}): MigrationOutline {
  return { objectType, actionType, objects, batches: Math.ceil(objects / batch) };
}
