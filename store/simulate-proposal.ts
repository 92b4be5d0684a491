import type pg from 'pg';
import { writePlan } from '../ontology/canonical-plan.ts';
import { type ChangeSetParameters, isChangeSet } from '../ontology/change-set.ts';
import { evaluate } from '../ontology/evaluate.ts';
import { evaluateChangeSet } from '../ontology/evaluate-change-set.ts';
import { evaluateRevert, type HistoryChange } from '../ontology/evaluate-revert.ts';
import type { JsonObject } from '../ontology/json.ts';
import type { ResolvedRequirement, Simulation, SimulationOutcome } from '../ontology/plan.ts';
import { isProblemCode } from '../ontology/problems.ts';
import { settingOf } from '../ontology/setting-actions.ts';
import { skipConflicts } from '../ontology/skip-conflicts.ts';
import { tellRequirement } from '../ontology/tell-requirement.ts';
import { type ApprovalFacts, readApprovalFacts } from './approval-facts.ts';
import { definitionsHold, ontologyCounter } from './definitions-in-force.ts';
import { takeNudges } from './nudges.ts';
import { readReplaced } from './plan-history.ts';
import {
  hasExpired,
  isoTime,
  type LockedProposal,
  lockProposal,
  type ProposalRow,
  proposalJson,
  type StoredFailure,
} from './proposal-row.ts';
import { raiseProposal } from './raise-proposal.ts';
import { readStandingChanges } from './read-changes.ts';
import { recordDecision } from './record-decision.ts';
import { readDoneEffects } from './saga/read-done-effects.ts';
import { describe, type Settled, settleLocked } from './settle.ts';
import { settleProposal } from './settle-proposal.ts';
import { simulateSetting } from './simulate-setting.ts';
import { type Tx, withTenant } from './sql.ts';
import { SqlSnapshot } from './sql-snapshot.ts';
import type { StoreDeps } from './store-deps.ts';
import { storePlan, storeReadSet } from './store-plan.ts';
import { transition } from './transition.ts';

/**
 * Simulates a proposal that is `simulating`, stores what came of it and settles. Reads in one READ ONLY REPEATABLE READ transaction, so the plan comes from one state;
 * writes in a second, short one, because a transaction that read long ago could not append to the tenant's audit chain. What moves in between makes the plan stale,
 * which approvals and the door look for. Where the definitions are no longer in force, the proposal is first taken to those that are. Two copies at once: the second finds the plan stored and returns the state. A repeat changes nothing.
 */
export async function simulateProposal(pool: pg.Pool, tenant: string, proposalId: string, deps: StoreDeps): Promise<Settled | null> {
  for (let raised = 0; ; raised++) {
    const simulated = await withTenant(pool, tenant, (tx) => simulate(tx, proposalId, deps), { isolation: 'repeatable read read only' });
    if (simulated === null) return settleProposal(pool, tenant, proposalId, deps);
    if (simulated !== 'superseded') return withTenant(pool, tenant, (tx) => storeOutcome(tx, proposalId, simulated));
    if (raised === mostRaises) throw new Error('the definitions changed again and again while a proposal was simulated');
    await raiseProposal(pool, tenant, proposalId, deps);
  }
}

const mostRaises = 3; // Each beyond the first is another upload between two transactions of ours.

interface Simulated {
  revision: number;
  outcome: SimulationOutcome;
}

interface ToSimulate {
  proposal: ProposalRow;
  now: string;
  parameters: string;
  inForce: boolean | null;
  /** The original's requirement, where this takes an execution back. */
  requirement: ResolvedRequirement | null;
  /** Whether policies have refused the execution of this revision: what policy alone had approved then goes to people. */
  asksPeople: boolean;
}

const selectToSimulate = `SELECT ${proposalJson('p')} AS proposal, ${isoTime('exequatur.clock()')} AS now, p.parameters, ${definitionsHold} AS "inForce",
            (SELECT l.requirement FROM exequatur.execution x JOIN exequatur.plan l ON l.tenant_id = x.tenant_id AND l.id = x.plan_id
              WHERE x.tenant_id = p.tenant_id AND x.id = p.revert_of) AS requirement,
            EXISTS (SELECT FROM exequatur.decision d WHERE d.tenant_id = p.tenant_id AND d.proposal_id = p.id AND d.revision = p.revision
                       AND d.action = 'execute' AND d.outcome = 'refused') AS "asksPeople"
       FROM exequatur.proposal p WHERE p.id = $1::uuid AND p.status = 'simulating'`;

async function simulate(tx: Tx, proposalId: string, deps: StoreDeps): Promise<Simulated | 'superseded' | null> {
  const [row] = await tx.rows<ToSimulate>(selectToSimulate, [proposalId]);
  if (row === undefined) return null;
  if (row.proposal.revertOf === null && row.inForce !== true && row.now < row.proposal.expiresAt) return 'superseded';
  const setting = settingOf(row.proposal.actionType);
  const outcome = setting === null ? await evaluateRow(tx, row, deps) : await simulateSetting(tx, setting, row, deps);
  return { revision: row.proposal.revision, outcome };
}

async function evaluateRow(
  tx: Tx,
  { proposal, now, parameters, requirement, asksPeople }: ToSimulate,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<SimulationOutcome> {
  const loaded = await deps.ontologies.load(tx, proposal.ontologyVersion);
  if (loaded === null) throw new Error('a proposal names an ontology version that is not there');
  const snapshot = new SqlSnapshot(tx);
  const context = {
    tenant: tx.tenant,
    evaluatedAt: proposal.evaluatedAt,
    now,
    proposer: { id: proposal.proposerId, kind: proposal.proposerKind, roles: proposal.proposerRoles },
    revisionSeed: proposal.revisionSeed,
    actionTypeVersion: proposal.actionTypeVersion,
    asksPeople,
  };
  if (proposal.revertOf === null && isChangeSet(proposal.actionType)) {
    return evaluateChangeSet(loaded.ontology, proposal.actionType, JSON.parse(parameters) as ChangeSetParameters, snapshot, context);
  }
  if (proposal.revertOf === null) {
    return evaluate(loaded.ontology, proposal.actionType, JSON.parse(parameters) as JsonObject, snapshot, context);
  }
  if (requirement === null) throw new Error('a revert names an execution that is not there');
  const original = {
    executionId: proposal.revertOf,
    actionType: proposal.actionType,
    actionTypeVersion: proposal.actionTypeVersion,
    parametersText: parameters,
    requirement,
    changes: await readStandingChanges(tx, proposal.revertOf),
    outside: await readDoneEffects(tx, proposal.revertOf),
  };
  const current = await deps.ontologies.load(tx);
  if (current === null) throw new Error('a tenant with executions has an ontology');
  const evaluateOf = (changes: readonly HistoryChange[]) =>
    evaluateRevert(loaded.ontology, current.ontology, { ...original, changes }, new SqlSnapshot(tx), {
      ...context,
      skipsConflicts: proposal.skipsConflicts,
    });
  const outcome = await (proposal.skipsConflicts ? skipConflicts(original.changes, evaluateOf) : evaluateOf(original.changes));
  if (outcome.kind === 'planned') outcome.simulation.readSet.counters[ontologyCounter] = current.version;
  return outcome;
}

async function storeOutcome(tx: Tx, proposalId: string, { revision, outcome }: Simulated): Promise<Settled | null> {
  const proposal = await lockProposal(tx, proposalId);
  if (proposal === null) return null;
  takeNudges(tx, proposalId);
  if (proposal.status !== 'simulating' || proposal.revision !== revision || hasExpired(proposal)) {
    return settleLocked(tx, proposal, await readApprovalFacts(tx, proposal.id));
  }
  if (outcome.kind === 'invalid') {
    return describe(transition(tx, proposal, { to: 'invalid', failure: failureOf(outcome.faults) }), { plan: null, reviews: [] });
  }
  const plan = await keepPlan(tx, proposal, outcome.simulation);
  const facts = await replacing(tx, proposal, plan.digest);
  const { requirement } = outcome.simulation.plan.header;
  const simulated = transition(tx, proposal, { to: 'awaiting_approval', plan, facts, entry: tellRequirement(requirement) });
  recordStages(tx, simulated, requirement, outcome.simulation.asked);
  return settleLocked(tx, simulated, await factsOf(tx, proposal, simulated, outcome.simulation));
}

/** Which stages the plan was sent to, or that policy alone approves it. */
function recordStages(tx: Tx, proposal: LockedProposal, requirement: ResolvedRequirement, asked: Simulation['asked'] = {}): void {
  const { policy, automatic, stages } = requirement;
  const details = {
    stages: stages.map(({ name, thresholds }) => ({ name, needed: thresholds.map(({ needed }) => needed), ...asked[name] })),
  };
  const { id: proposalId, revision, planDigest: digest, proposerId: actor } = proposal;
  const by = { version: 0 as const, policies: [policy], errors: [] as [] };
  recordDecision(tx, { proposalId, actor, action: 'stage', outcome: automatic ? 'allowed' : 'asked', revision, digest, by, details });
}

/** An equal digest keeps the plan, and with it the approvals, and only adds what this simulation read; another digest is another plan. */
async function keepPlan(tx: Tx, proposal: LockedProposal, simulation: Simulation): Promise<{ id: string; digest: string }> {
  const written = writePlan(simulation.plan);
  if (proposal.planDigest !== null) {
    const [known] = await tx.rows<{ id: string }>(
      'SELECT l.id::text AS id FROM exequatur.plan l WHERE l.proposal_id = $1::uuid AND l.revision = $2::int AND l.digest = $3',
      [proposal.id, proposal.revision, written.digest],
    );
    if (known !== undefined) {
      storeReadSet(tx, known.id, simulation.readSet);
      return { id: known.id, digest: written.digest };
    }
  }
  return storePlan(tx, proposal, {
    written,
    edits: simulation.plan.edits.length,
    requirement: simulation.plan.header.requirement,
    summary: simulation.summary,
    readSet: simulation.readSet,
  });
}

/** What is told of a plan that takes another's place: which, and how many approvals are void with it. */
async function replacing(tx: Tx, proposal: LockedProposal, digest: string): Promise<JsonObject> {
  const isFirst = proposal.planDigest === null && proposal.revision === 1;
  if (isFirst || proposal.planDigest === digest) return {};
  const replaced = await readReplaced(tx, proposal.id, { revision: proposal.revision, digest });
  return replaced === null ? {} : { previousDigest: replaced.digest, voidedApprovals: replaced.approvals };
}

/** A first plan has no reviews to read; a later one may have those of an earlier simulation with the same digest. */
async function factsOf(tx: Tx, before: LockedProposal, simulated: LockedProposal, { plan, summary }: Simulation): Promise<ApprovalFacts> {
  if (before.planDigest !== null) return readApprovalFacts(tx, simulated.id);
  const { planId, planDigest } = simulated;
  if (planId === null || planDigest === null) throw new Error('a simulated proposal has a plan');
  const { requirement } = plan.header;
  const { riskTier, revertible, effects, checks = 0 } = summary;
  const facts = {
    plan: { id: planId, digest: planDigest, edits: plan.edits.length, requirement, riskTier, revertible, outside: effects + checks },
    reviews: [],
  };
  return { ...facts, prompts: { since: simulated.now, reminders: 0, escalated: false } };
}

const mostFaults = 100; // A revert may conflict with every object it touches; nobody reads on after these.

export function failureOf(faults: Extract<SimulationOutcome, { kind: 'invalid' }>['faults']): StoredFailure {
  const code = faults[0]?.code ?? 'criteria_failed';
  return {
    code: isProblemCode(code) ? code : 'criteria_failed',
    faults: faults.slice(0, mostFaults),
    ...(faults.length > mostFaults ? { count: faults.length } : {}),
  };
}
