// What an execution writes. Each is one transaction, which locks the proposal first; what it asks before is asked again by the door.
//
// | step  | do                                                       | undo                                                        | key                                     | after a crash in the middle           |
// |-------|----------------------------------------------------------|-------------------------------------------------------------|-----------------------------------------|---------------------------------------|
// | begin | `begin_saga`, where it goes outside: its steps on record | `leave_executing`, or `turn_back` once anything was tried   | the proposal and the run, one under way | finds the saga, and does what is next |
// | edits | `apply_plan`                                             | `undo_execution` while effects are under way, then a revert | `executionIdOf`                         | finds the stored outcome              |

import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { JsonObject } from '../ontology/json.ts';
import { settleQuorum } from '../ontology/quorum.ts';
import { nextStep } from '../ontology/saga.ts';
import { settingOf } from '../ontology/setting-actions.ts';
import { announceSetting } from './announce-setting.ts';
import { type ApprovalFacts, readApprovalFacts } from './approval-facts.ts';
import { askApprovalsAgain, type ForbiddenApproval } from './ask-approvals-again.ts';
import { askCriteriaAgain } from './ask-criteria-again.ts';
import { mayExecute, policyMove } from './ask-execution.ts';
import type { Determination } from './ask-policies.ts';
import { lockDefinitionsFor } from './definitions-lock.ts';
import { type DoorRefusal, doorRefusalOf } from './door-refusals.ts';
import { isBehindGlass } from './glass-facts.ts';
import { lapseOfProposer } from './lapse-of-proposer.ts';
import { takeNudges } from './nudges.ts';
import { readPlannedEdit } from './plan-setting.ts';
import { hasExpired, isoTime, type LockedProposal, lockProposal, type StoredFailure } from './proposal-row.ts';
import { readForExecution } from './read-for-execution.ts';
import { recheckSetting } from './recheck-setting.ts';
import { recordDecision } from './record-decision.ts';
import { advanceSaga } from './saga/advance-saga.ts';
import { describeSaga } from './saga/describe-saga.ts';
import { cancelledFailure, executionFailed, leaveSaga } from './saga/move-saga.ts';
import { readSaga, type SagaRow } from './saga/saga-rows.ts';
import { describe, type Settled, settleLocked } from './settle.ts';
import { type Tx, withTenant } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';
import type { Obstacles } from './switches.ts';
import { beginExecution, type Move, transition } from './transition.ts';

/**
 * Executes an approved proposal: one transaction that locks the proposal, then the definitions and the tenant's control row, asks the quorum again with standing as it is now, where nobody was asked that of the proposer, and the
 * criteria with the present time, whether the definitions are still in force, and calls the door, which locks the rest, checks everything itself and writes edits, history, events, execution and audit entry.
 * Execution and proposal go by one id derived from the proposal, so a repeat, and a second copy at the same instant, come to the stored outcome. What the door
 * refuses is undone as a whole; a second transaction then says where the proposal goes.
 */
export async function executeProposal(pool: pg.Pool, tenant: string, proposalId: string, deps: StoreDeps): Promise<Settled | null> {
  try {
    return await withTenant(pool, tenant, (tx) => execute(tx, proposalId, deps));
  } catch (error) {
    const refusal = doorRefusalOf(error);
    if (refusal === null || defects.has(refusal)) throw error;
    return withTenant(pool, tenant, (tx) => leave(tx, proposalId, refusal));
  }
}

/** What only a defect of ours can bring about: thrown on, so that it is seen. */
const defects: ReadonlySet<DoorRefusal> = new Set([
  'wrong_state',
  'already_executed',
  'append_only',
  'no_tenant',
  'unknown_comparison',
  'wrong_isolation',
  'audit_entry_false',
]);

/** A name-based UUID, so that whoever executes the proposal, however often, uses the same. */
export function executionIdOf(proposalId: string): string {
  const hash = createHash('sha256').update(`exequatur/execution/${proposalId}`).digest();
  hash.writeUInt8(((hash[6] ?? 0) & 0x0f) | 0x80, 6); // Version 8: made by a rule of our own.
  hash.writeUInt8(((hash[8] ?? 0) & 0x3f) | 0x80, 8);
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** SQL: the definitions, then the tenant's control row, in this order, then the clock. */
const lockTheRest = `SELECT ${lockDefinitionsFor('p')}, exequatur.lock_control(), ${isoTime('exequatur.clock()')} AS now FROM exequatur.proposal p WHERE p.id = $1::uuid`;

async function execute(tx: Tx, proposalId: string, deps: StoreDeps): Promise<Settled | null> {
  const [proposal, [locked], facts, circumstances] = await Promise.all([
    lockProposal(tx, proposalId),
    tx.rows<{ now: string }>(lockTheRest, [proposalId]),
    readApprovalFacts(tx, proposalId),
    readForExecution(tx, proposalId),
  ]);
  if (proposal === null) return null;
  takeNudges(tx, proposalId);
  const executionId = executionIdOf(proposalId);
  const saga = isUnderWay(proposal) ? await readSaga(tx, proposalId) : null;
  if (saga !== null && proposal.status === 'needs_attention') return describeSaga(proposal, facts, saga);
  const stopping = saga === null || proposal.status !== 'executing' ? null : stopBeforeNext(saga, circumstances.stop);
  if (stopping !== null) return describe(leaveUnexecuted(tx, proposal, stopping, saga), facts);
  if (saga !== null && nextStep(saga).kind !== 'apply') return advanceSaga(tx, proposal, facts, saga, executionId, deps);
  if (!isToBeExecuted(proposal)) return saga === null ? settleLocked(tx, proposal, facts) : describeSaga(proposal, facts, saga);
  const sendBack = (move: Move) => describe(leaveUnexecuted(tx, proposal, move, saga), facts);
  const isEmergency = isBehindGlass(facts, proposal.behind);
  if (
    facts.plan === null ||
    (!isEmergency && settleQuorum(facts.plan.requirement, facts.reviews, proposal.behind).verdict !== 'approved')
  ) {
    return sendBack({ to: 'awaiting_approval', reason: 'standing_lost' });
  }
  if (saga === null && (circumstances.stop !== null || circumstances.heldBy !== null))
    return describe(hold(tx, proposal, circumstances), facts);
  if (!circumstances.inForce) {
    return sendBack({ to: 'simulating', reason: 'definitions_changed' });
  }
  // A plan whose time has passed is simulated again, which ends as `invalid` and says which criterion fails. The clock was asked after the waits for the locks above.
  const setting = settingOf(proposal.actionType);
  const [fault] =
    setting === null
      ? await askCriteriaAgain(tx, proposal, locked?.now ?? proposal.now, deps)
      : await recheckSetting(tx, setting, proposal, facts.plan.id, deps);
  if (fault !== undefined) return sendBack({ to: 'simulating', reason: fault.code });
  const { proposer, policyVersion: version } = circumstances;
  const lapse = await lapseOfProposer(tx, proposal, { proposer, plan: facts.plan }, deps);
  if (lapse !== null) return describe(moveAway(tx, proposal, { to: 'simulating', reason: lapse }, saga), facts);
  const left = await askApprovalsAgain(tx, proposal, { facts, version }, deps);
  const isLeftToGlass = isBehindGlass(left.facts, proposal.behind);
  const [first] = left.forbidden;
  if (
    first !== undefined &&
    !isLeftToGlass &&
    settleQuorum(facts.plan.requirement, left.facts.reviews, proposal.behind).verdict !== 'approved'
  ) {
    recordForbidden(tx, proposal, left.forbidden, first.by);
    return describe(moveAway(tx, proposal, policyMove(first.by, facts.plan.requirement), saga), { ...facts, held: true });
  }
  const asked = { facts: left.facts, proposer, version, now: locked?.now ?? proposal.now };
  const by = await mayExecute(tx, proposal, { ...asked, overriddenBy: isLeftToGlass ? (facts.glass?.actor ?? null) : null }, deps);
  if (!by.allowed) return describe(moveAway(tx, proposal, policyMove(by, facts.plan.requirement), saga), { ...facts, held: true });
  const begun = proposal.status === 'executing' ? proposal : beginExecution(tx, proposal, executionId);
  if (facts.plan.outside > 0 && saga === null) return beginSaga(tx, begun, facts);
  if (setting !== null)
    await announceSetting(tx, setting, await readPlannedEdit(tx, facts.plan.id), { proposalId, proposerId: proposal.proposerId });
  // By whose approval is added by the door. A soft policy that somebody overrode is named where nobody can rewrite it.
  tx.audit({
    type: saga === null ? 'proposal.executed' : 'execution.applied',
    proposalId,
    facts: {
      executionId,
      status: saga === null ? 'executed' : 'executing',
      revision: proposal.revision,
      planDigest: facts.plan.digest,
      edits: facts.plan.edits,
      policyVersion: by.version,
      ...(by.overridden === undefined ? {} : { overriddenPolicies: by.overridden }),
    },
    ...(by.overridden === undefined ? {} : { personal: { overriddenBy: facts.glass?.by } }),
  });
  tx.send('SELECT 1 FROM exequatur.apply_plan($1::uuid, $2::uuid, $3::jsonb)', [
    facts.plan.id,
    executionId,
    JSON.stringify(tx.takeEntries()),
  ]);
  if (saga === null) return describe({ ...proposal, status: 'executed' }, facts);
  return describeSaga(proposal, facts, (await readSaga(tx, proposalId)) ?? saga);
}

function isUnderWay({ status }: LockedProposal): boolean {
  return status === 'executing' || status === 'compensating' || status === 'needs_attention';
}

/** Commits that the execution has begun, with its steps, before the first of them is tried. */
async function beginSaga(tx: Tx, proposal: LockedProposal, facts: ApprovalFacts): Promise<Settled> {
  await tx.rows('SELECT exequatur.begin_saga($1::uuid, true)', [proposal.id]);
  const saga = await readSaga(tx, proposal.id);
  if (saga === null) throw new Error('a saga that was begun is not there');
  return describeSaga(proposal, facts, saga);
}

/**
 * Why an execution under way goes no further: a cancellation or a switch, which come before all else that may send it back. Of a step whose answer may be outstanding whoever tries
 * it next decides, once nobody waits any more. Where everything is done a switch comes too late; a cancellation that was accepted does not.
 */
function stopBeforeNext(saga: SagaRow, stop: string | null): Move | null {
  const next = nextStep(saga);
  if (saga.direction === 'back' || next.kind === 'turnBack' || (next.kind === 'do' && next.step.state === 'sending')) return null;
  const heeded = next.kind === 'finish' ? null : stop;
  return heeded === null && saga.cancelled === null ? null : stopped(heeded, saga);
}

function stopped(stop: string | null, { cancelled }: SagaRow): Move {
  const reason = stop === null ? 'cancelled' : 'switched_off';
  const failure = stop === null ? cancelledFailure : executionFailed(reason, `switched off: ${stop}`);
  return { to: 'failed', reason, failure, ...(stop === null && cancelled ? { actor: cancelled.by } : {}) };
}

/** Refusals that waiting cannot cure, in words for whoever reads the failed proposal. */
const fatal: Partial<Record<DoorRefusal, string>> = {
  plan_tampered: 'The stored plan is not the one that was approved.',
  answer_unfit: 'What is on record of the answer to a write-back is not what the plan allows.',
  outside_surface: 'The plan touches what the action type may not.',
  above_ceiling: 'The plan has more edits than the action type may make.',
  reference_broken: 'The plan would leave a reference to an object that does not exist.',
  not_unique: 'The plan would give two objects one value of a unique property.',
};

const mostDiscrepancies = 3; // Simulations of one plan whose before-values the database contradicts: a fourth would find the same.

/**
 * Where the proposal goes after a refusal. The first transaction is undone, so it is approved again unless somebody moved it meanwhile. A plan that went stale is
 * simulated again; one that lacks approvals waits for them; what waiting cannot cure ends it.
 */
async function leave(tx: Tx, proposalId: string, refusal: DoorRefusal): Promise<Settled | null> {
  const [proposal, facts] = await Promise.all([lockProposal(tx, proposalId), readApprovalFacts(tx, proposalId)]);
  if (proposal === null) return null;
  const saga = isUnderWay(proposal) ? await readSaga(tx, proposalId) : null;
  if (saga !== null && proposal.status === 'compensating') return stickEdits(tx, proposal, facts, refusal);
  if (!isToBeExecuted(proposal)) return settleLocked(tx, proposal, facts);
  if (saga !== null && saga.cancelled !== null) return describe(leaveUnexecuted(tx, proposal, stopped(null, saga), saga), facts);
  const words = (await isDiscrepancy(tx, proposal, refusal))
    ? 'The plan does not describe the objects as the database has them.'
    : fatal[refusal];
  if (words !== undefined) {
    const begun = proposal.status === 'executing' ? proposal : beginExecution(tx, proposal, executionIdOf(proposalId));
    const failure: StoredFailure = { code: 'execution_failed', faults: [{ code: refusal, message: words }] };
    return describe(leaveUnexecuted(tx, begun, { to: 'failed', failure, reason: refusal }, saga), facts);
  }
  // A plan that lacks approvals is not settled at once: where the quorum says approved and the door says no, the two would go round in a circle.
  const to = refusal === 'approvals_missing' ? 'awaiting_approval' : 'simulating';
  const move: Move = refusal === 'switched_off' && saga !== null ? stopped('a switch', saga) : { to, reason: refusal };
  return describe(leaveUnexecuted(tx, proposal, move, saga), facts);
}

/** What was applied cannot be taken back, for another reason than that others changed it: a person decides. */
async function stickEdits(tx: Tx, proposal: LockedProposal, facts: ApprovalFacts, refusal: DoorRefusal): Promise<Settled> {
  await tx.rows('SELECT exequatur.stick_edits($1::uuid, $2::jsonb)', [proposal.id, JSON.stringify({ code: refusal })]);
  const saga = await readSaga(tx, proposal.id);
  return saga === null ? describe(proposal, facts) : describeSaga(proposal, facts, saga);
}

/** An execution that was begun is gone on with, also past the proposal's time. */
function isToBeExecuted(proposal: LockedProposal): boolean {
  return proposal.status === 'executing' || ((proposal.status === 'approved' || proposal.status === 'scheduled') && !hasExpired(proposal));
}

/**
 * Held until the switch is on again, the window closes, the time it was asked for has come, or its own is over. One that has begun is not stopped here: it is over in the
 * same transaction.
 */
function hold(tx: Tx, proposal: LockedProposal, { stop, heldBy, heldUntil }: Obstacles): LockedProposal {
  if (proposal.status === 'executing') return proposal;
  const held = { ...proposal, heldBy, heldUntil };
  if (proposal.heldUntil !== heldUntil || proposal.heldBy !== heldBy) {
    tx.send('UPDATE exequatur.proposal p SET held_by = $2, held_until = $3::timestamptz WHERE p.id = $1::uuid', [
      proposal.id,
      heldBy,
      heldUntil,
    ]);
  }
  if (proposal.status !== 'approved') return held;
  const facts = { heldBy: stop ?? heldBy, ...(stop === null ? { until: heldUntil } : {}) };
  const reason = stop === null ? 'not_yet' : 'switched_off';
  recordHold(tx, proposal, reason, facts);
  return transition(tx, held, { to: 'scheduled', reason, facts });
}

/** Whose approvals policies no longer take, and that what is left is not enough. */
function recordForbidden(tx: Tx, proposal: LockedProposal, forbidden: readonly ForbiddenApproval[], by: Determination): void {
  const { id: proposalId, proposerId, revision, planDigest: digest } = proposal;
  const refused = { proposalId, outcome: 'refused' as const, reason: 'policy_forbids', revision, digest };
  for (const { actor, onBehalfOf, by: own } of forbidden)
    recordDecision(tx, { ...refused, actor, action: 'review', by: own, ...(onBehalfOf === null ? {} : { details: { onBehalfOf } }) });
  recordDecision(tx, { ...refused, actor: proposerId, action: 'execute', by });
}

/** Why an approved plan is not executed, as a decision of it. */
function recordHold(tx: Tx, { id, proposerId, revision, planDigest }: LockedProposal, reason: string, details: JsonObject = {}): void {
  recordDecision(tx, {
    proposalId: id,
    actor: proposerId,
    action: 'execute',
    outcome: 'held',
    reason,
    revision,
    digest: planDigest,
    details,
  });
}

/** Out of `executing` only the door leads, and past what has been tried by undoing it. */
function moveAway(tx: Tx, proposal: LockedProposal, move: Move, saga: SagaRow | null): LockedProposal {
  return proposal.status === 'executing' ? leaveSaga(tx, proposal, move, saga) : transition(tx, proposal, move);
}

/** The same with a decision that says why. What policies decided, or the gate of the proposer, is on record already, and only moved away. */
function leaveUnexecuted(tx: Tx, proposal: LockedProposal, move: Move, saga: SagaRow | null): LockedProposal {
  if (saga === null && move.to !== 'failed') recordHold(tx, proposal, move.reason ?? 'unknown');
  return moveAway(tx, proposal, move, saga);
}

/** Stale once is staleness. Stale again and again with the same plan is a plan that cannot be right. */
async function isDiscrepancy(tx: Tx, proposal: LockedProposal, refusal: DoorRefusal): Promise<boolean> {
  if (refusal !== 'before_differs') return false;
  const [row] = await tx.rows<{ simulations: number }>(
    'SELECT count(*)::int AS simulations FROM exequatur.read_set r WHERE r.plan_id = $1::uuid',
    [proposal.planId],
  );
  return (row?.simulations ?? 0) > mostDiscrepancies;
}
