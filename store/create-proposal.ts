import { randomBytes, randomUUID } from 'node:crypto';
import type { Actor, Caller } from '../ontology/authority.ts';
import { digestOf, sha256Hex } from '../ontology/canonical-json.ts';
import { actionTypeIn, isChangeSet, isChangeSetName, membersOf } from '../ontology/change-set.ts';
import type { CompiledActionType, CompiledOntology } from '../ontology/compiled-ontology.ts';
import { durationMs } from '../ontology/duration.ts';
import type { JsonValue } from '../ontology/json.ts';
import type { ProposalStatus } from '../ontology/lifecycle.ts';
import { checkReferences } from '../ontology/parameters.ts';
import { parseFor } from '../ontology/parse-change-set.ts';
import type { Fault } from '../ontology/plan.ts';
import { askPolicies, refuseByPolicy } from './ask-policies.ts';
import { claimIdempotencyKey } from './idempotency.ts';
import { insertProposal } from './insert-proposal.ts';
import { policyVersion } from './policy-sets.ts';
import { isoTime } from './proposal-row.ts';
import { recordDecision } from './record-decision.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { PrismaTx, Tx } from './sql.ts';
import { SqlSnapshot } from './sql-snapshot.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';
import { stopFault, stopOf } from './switches.ts';

export interface NewProposal {
  /** A name, or `name@version`. */
  actionType: string;
  parameters: JsonValue;
  justification: string;
  /** RFC 3339: approved before, it is held until then. */
  executeAfter?: string;
  /** Without one every request is a proposal of its own. */
  idempotencyKey?: string;
  proposer: Caller;
}

export interface Proposed {
  proposalId: string;
  /** True when the idempotency key had been used with the same request: nothing was written. */
  repeated: boolean;
  status: ProposalStatus;
  actionType: string;
}

/** Null for whoever may propose some action at all. */
export async function refusalToProposeAnything(tx: PrismaTx, proposer: Caller, deps: Pick<StoreDeps, 'decide'>): Promise<Refusal | null> {
  const authority = deps.decide({ action: 'proposal:create', actor: await resolveActor(tx, proposer), proposers: null });
  return authority.allowed ? null : refuse(authority.reason);
}

/**
 * Accepts a proposal: its row in `simulating`, its event, its audit entry and the nudge that starts its workflow, all or none. The idempotency key is inserted
 * first, so of many equal requests at once one writes and the others wait for it and get its proposal. A refusal leaves nothing, not even the key.
 */
export async function createProposal(tx: PrismaTx, request: NewProposal, deps: StoreDeps): Promise<Proposed | Refusal> {
  const proposalId = randomUUID();
  const [earlier, actor, action] = await Promise.all([
    claimIdempotencyKey(tx, {
      principalId: request.proposer.id,
      operation: 'create',
      key: request.idempotencyKey,
      requestHash: () => digestOf(contentOf(request)),
      proposalId,
    }),
    resolveActor(tx, request.proposer),
    findAction(tx, request.actionType, deps),
  ]);
  if (earlier !== null) return earlier;
  const accepted = await acceptNew(tx, request, { proposalId, actor, action }, deps);
  if ('refused' in accepted) tx.undo();
  return accepted;
}

/** What makes two requests the same. */
function contentOf({ actionType, parameters, justification, executeAfter }: NewProposal) {
  return { actionType, parameters, justification, ...(executeAfter === undefined ? {} : { executeAfter }) };
}

async function acceptNew(
  tx: PrismaTx,
  request: NewProposal,
  { proposalId, actor, action }: { proposalId: string; actor: Actor; action: ActionInForce | null },
  deps: StoreDeps,
): Promise<Proposed | Refusal> {
  if (action === null) {
    const reader = deps.decide({ action: 'read', actor });
    if (!reader.allowed) return refuse(reader.reason);
    return isChangeSet(request.actionType)
      ? refuse('unknown_action_type', await unknownMembers(tx, request))
      : refuseUnknownAction(request.actionType);
  }
  const otherVersion = refusalOfVersion(request.actionType, action);
  if (otherVersion === 'unknown_action_type') return refuseUnknownAction(request.actionType);
  if (otherVersion !== null) return refuse(otherVersion);
  const authority = deps.decide({ action: 'proposal:create', actor, proposers: action.type.definition.proposers ?? null });
  if (!authority.allowed) return refuse(authority.reason);
  const parsed = parseFor(action.ontology, action.type.name, request.parameters);
  if (!parsed.ok) return refuse('invalid_parameters', parsed.faults);
  const { executeAfter } = request;
  if (executeAfter !== undefined && Date.parse(executeAfter) >= Date.parse(action.now) + durationMs(action.type.policy.expiresAfter)) {
    const message = `it expires ${action.type.policy.expiresAfter} after it is proposed`;
    return refuse('execute_after_expiry', [{ code: 'execute_after_expiry', pointer: '/executeAfter', message }]);
  }
  // An action of a change set may refer to what an earlier one creates; that the simulation finds out.
  const references = isChangeSet(action.type.name)
    ? []
    : checkReferences(action.ontology, action.type.name, parsed.parameters, new SqlSnapshot(tx));
  const insertion = insertProposal(tx, {
    id: proposalId,
    actionType: action.type.name,
    actionTypeVersion: action.version,
    ontologyVersion: action.ontologyVersion,
    parameters: parsed.text,
    parametersHash: sha256Hex(parsed.text),
    justification: request.justification,
    proposer: actor,
    revisionSeed: randomBytes(16).toString('hex'),
    now: action.now,
    expiresAfter: action.type.policy.expiresAfter,
    revertOf: null,
    ...(executeAfter === undefined ? {} : { executeAfter }),
  });
  const [unknown, , stop] = await Promise.all([references, insertion, stopOf(tx, action.type.name, actor)]);
  const by = await askPolicies(tx, deps, {
    actor,
    action: 'propose',
    resource: action.type.name,
    context: { now: action.now, revert: false },
    version: action.policyVersion,
  });
  if (!by.allowed) return refuseByPolicy(by);
  recordDecision(tx, { proposalId, actor: actor.id, action: 'propose', outcome: 'allowed', revision: 1, digest: null, by });
  if (stop !== null) return refuse('switched_off', [stopFault(stop)]);
  if (unknown.length > 0) return refuse('unknown_reference', unknown); // Which takes the insertion back.
  return { proposalId, repeated: false, status: 'simulating', actionType: action.type.name };
}

/** Of a request whose body names the action type. */
export function refuseUnknownAction(reference: string): Refusal {
  const fault = { code: 'unknown_action_type', pointer: '/actionType', message: `there is no action type ${reference}` };
  return refuse('unknown_action_type', [fault]);
}

/** Which actions of a change set are of no action type that is there. */
export async function unknownMembers(tx: Tx, { actionType, parameters }: Pick<NewProposal, 'actionType' | 'parameters'>): Promise<Fault[]> {
  const rows = await tx.rows<{ name: string }>(
    'SELECT a.name FROM exequatur.action_type a WHERE a.name = ANY($1::text[]) AND NOT a.retired',
    [membersOf(actionType)],
  );
  const known = new Set(rows.map(({ name }) => name));
  const { actions } = parameters as { actions?: JsonValue };
  return (Array.isArray(actions) ? actions : []).flatMap((action, index) => {
    const name = (action as { actionType?: JsonValue } | null)?.actionType;
    if (typeof name !== 'string' || known.has(name)) return [];
    return [
      { code: 'unknown_action_type', pointer: `/parameters/actions/${index}/actionType`, message: `there is no action type ${name}` },
    ];
  });
}

export interface FoundAction {
  type: CompiledActionType;
  version: number;
  ontologyVersion: number;
  ontology: CompiledOntology;
  /** The database's time when it was found, ISO text. */
  now: string;
}

/** One that can be proposed now. */
export interface ActionInForce extends FoundAction {
  /** Of the policies in force at the same instant. */
  policyVersion: number;
}

/** The action type as it is now, or the change set of those that it names, with the ontology that holds it. Null when there is none, or it was retired. */
export async function findAction(tx: Tx, reference: string, deps: Pick<StoreDeps, 'ontologies'>): Promise<ActionInForce | null> {
  const { name } = splitReference(reference);
  if (isChangeSet(name) && !isChangeSetName(name)) return null;
  if (isChangeSet(name)) await tx.rows('SELECT exequatur.combine_actions($1)', [name]);
  const [row] = await tx.rows<{ version: number; ontology_version: number; policy_version: number; now: string }>(
    `SELECT a.current_version::int AS version, (SELECT max(o.version) FROM exequatur.ontology_version o)::int AS ontology_version,
            ${policyVersion} AS policy_version, ${isoTime('exequatur.clock()')} AS now
       FROM exequatur.action_type a WHERE a.name = $1 AND NOT a.retired`,
    [name],
  );
  if (row === undefined) return null;
  const loaded = await deps.ontologies.load(tx, row.ontology_version);
  const type = loaded && actionTypeIn(loaded.ontology, name);
  if (!loaded || !type) return null;
  const { version, now } = row;
  return { type, version, ontologyVersion: loaded.version, ontology: loaded.ontology, policyVersion: row.policy_version, now };
}

/**
 * `name@version` says which definition the caller knows. Only the one in force can be proposed: an older one may have had a weaker policy. Null when it is that one.
 */
export function refusalOfVersion(reference: string, action: FoundAction): 'action_type_superseded' | 'unknown_action_type' | null {
  const { version } = splitReference(reference);
  if (version === null || version === action.version) return null;
  return version > 0 && version < action.version ? 'action_type_superseded' : 'unknown_action_type';
}

function splitReference(reference: string): { name: string; version: number | null } {
  const at = reference.lastIndexOf('@');
  if (at === -1) return { name: reference, version: null };
  const version = /^[1-9]\d{0,9}$/.exec(reference.slice(at + 1))?.[0];
  return { name: reference.slice(0, at), version: Number(version ?? 0) }; // A version that is no number finds nothing, as it should.
}
