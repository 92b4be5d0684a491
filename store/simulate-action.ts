import type pg from 'pg';
import type { Actor, Caller } from '../ontology/authority.ts';
import { writePlan } from '../ontology/canonical-plan.ts';
import { type ChangeSetParameters, isChangeSet } from '../ontology/change-set.ts';
import { evaluate } from '../ontology/evaluate.ts';
import { evaluateChangeSet } from '../ontology/evaluate-change-set.ts';
import type { JsonValue } from '../ontology/json.ts';
import { checkReferences } from '../ontology/parameters.ts';
import { parseFor } from '../ontology/parse-change-set.ts';
import type { Edit, PlanSummary, ResolvedRequirement } from '../ontology/plan.ts';
import type { PlannedCheck, PlannedEffect } from '../ontology/planned-effect.ts';
import { forbiddenByPolicy } from './ask-policies.ts';
import { findAction, refusalOfVersion, unknownMembers } from './create-proposal.ts';
import { foreseeChangeSet } from './foresee-change-set.ts';
import { type Refusal, refuse } from './refusal.ts';
import { failureOf } from './simulate-proposal.ts';
import { type Tx, withTenant } from './sql.ts';
import { SqlSnapshot } from './sql-snapshot.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

export interface DryRun {
  actionType: { name: string; version: number };
  planDigest: string;
  planSummary: PlanSummary;
  requirement: ResolvedRequirement;
  effects: PlannedEffect[];
  checks: PlannedCheck[];
  totalEdits: number;
  edits: Edit[];
  /** True when there are more edits than are shown. */
  truncated: boolean;
}

const shownEdits = 1_000; // Enough to see what an action does; the whole plan of a proposal is read in pages.
const drySeed = '00000000000000000000000000000000'; // Derived ids differ from a proposal's, whose seed is its own.

/**
 * The plan an action, or a change set, would have now, for whoever could propose it. Stores nothing: it reads in one READ ONLY transaction, which could not write. `pool` is the API's.
 */
export async function simulateAction(
  pool: pg.Pool,
  tenant: string,
  request: { actionType: string; parameters: JsonValue; proposer: Caller },
  deps: StoreDeps,
): Promise<DryRun | Refusal> {
  const actor = await withTenant(pool, tenant, (tx) => resolveActor(tx, request.proposer)); // May feed standing, so it has a transaction of its own.
  return withTenant(pool, tenant, (tx) => dryRun(tx, request, actor, deps), { isolation: 'repeatable read read only' });
}

async function dryRun(
  tx: Tx,
  request: { actionType: string; parameters: JsonValue },
  actor: Actor,
  deps: StoreDeps,
): Promise<DryRun | Refusal> {
  const read = deps.decide({ action: 'read', actor });
  if (!read.allowed) return refuse(read.reason);
  const action = await (isChangeSet(request.actionType) ? foreseeChangeSet : findAction)(tx, request.actionType, deps);
  if (action === null)
    return isChangeSet(request.actionType) ? refuse('unknown_action_type', await unknownMembers(tx, request)) : refuse('not_found');
  const otherVersion = refusalOfVersion(request.actionType, action);
  if (otherVersion !== null) return refuse(otherVersion === 'unknown_action_type' ? 'not_found' : otherVersion);
  const { name, definition } = action.type;
  const authority = deps.decide({ action: 'proposal:create', actor, proposers: definition.proposers ?? null });
  if (!authority.allowed) return refuse(authority.reason);
  const forbidden = await forbiddenByPolicy(tx, deps, { actor, action: 'propose', resource: name });
  if (forbidden !== null) return forbidden;
  const parsed = parseFor(action.ontology, name, request.parameters);
  if (!parsed.ok) return refuse('invalid_parameters', parsed.faults);
  const snapshot = new SqlSnapshot(tx);
  // What an action of a set refers to may be made by an earlier one.
  const unknown = isChangeSet(name) ? [] : await checkReferences(action.ontology, name, parsed.parameters, snapshot);
  if (unknown.length > 0) return refuse('unknown_reference', unknown);
  const context = {
    tenant: tx.tenant,
    evaluatedAt: action.now,
    proposer: { id: actor.id, kind: actor.kind, roles: actor.roles },
    revisionSeed: drySeed,
    actionTypeVersion: action.version,
  };
  const outcome = isChangeSet(name)
    ? await evaluateChangeSet(action.ontology, name, parsed.parameters as unknown as ChangeSetParameters, snapshot, context)
    : await evaluate(action.ontology, name, parsed.parameters, snapshot, context);
  if (outcome.kind === 'invalid') return refuse(failureOf(outcome.faults).code, outcome.faults);
  const { plan, summary } = outcome.simulation;
  return {
    actionType: { name, version: action.version },
    planDigest: writePlan(plan).digest,
    planSummary: summary,
    requirement: plan.header.requirement,
    effects: plan.header.effects,
    checks: plan.header.checks ?? [],
    totalEdits: plan.edits.length,
    edits: plan.edits.slice(0, shownEdits),
    truncated: plan.edits.length > shownEdits,
  };
}
