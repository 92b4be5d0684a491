import type pg from 'pg';
import { fillSlots } from '../../ontology/fill-slots.ts';
import { leadsToEndpoint } from '../../ontology/leads-to-endpoint.ts';
import type { PlannedCompensation, PlannedProbe, PlannedRequest } from '../../ontology/planned-effect.ts';
import { nextStep } from '../../ontology/saga.ts';
import { readApprovalFacts } from '../approval-facts.ts';
import type { LoadedOntology } from '../load-ontology.ts';
import { type LockedProposal, lockProposal } from '../proposal-row.ts';
import { describe, type Settled } from '../settle.ts';
import { type Tx, withTenant } from '../sql.ts';
import type { StoreDeps } from '../store-deps.ts';
import { obstaclesOf } from '../switches.ts';
import { announceStep } from './announce-step.ts';
import { describeSaga } from './describe-saga.ts';
import { judgeObjects } from './judge-objects.ts';
import { boundLease, leaseLeftMs, leaseOf } from './leases.ts';
import { executionFailed, leaveSaga } from './move-saga.ts';
import { type PlannedStep, readPlannedSteps, readSaga, type SagaRow, type StepProblem, type StepRow, slotsOf } from './saga-rows.ts';
import { setStep as set, setDue } from './set-step.ts';
import { storeMessage } from './store-message.ts';

/** Which step, and which way. */
export interface StepRef {
  kind: 'do' | 'undo';
  ordinal: number;
}

export interface Attempt extends StepRef {
  tenant: string;
  proposalId: string;
  run: number;
  /** The number of this attempt at the step, this way. */
  number: number;
  /** Stable over attempts, and of no other request. */
  idempotencyKey: string;
  request: PlannedRequest;
  /** Asked first, since an earlier attempt may have done it. */
  probeFirst?: PlannedProbe;
  /** A check asks and does nothing. */
  check?: PlannedProbe;
  /** By `performance.now()` of this process: when others believe that nobody waits for the answer any more, and nothing may be sent. */
  answerBy: number;
  /** By the same clock: until then somebody may wait for the answer to an earlier attempt, which this one overlaps and whatever comes of it does not end. */
  othersUntil?: number;
}

export type Started = { attempt: Attempt } | { waitMs: number } | { settled: Settled };

const lost = { code: 'answer_lost', message: 'a request was sent, and its answer never came' };

/**
 * Puts on record that a step is about to be tried, and returns what to send; or says how things stand, where this step is not what comes next. A switch that was thrown and
 * a cancellation are heeded here, between steps.
 */
export function startAttempt(
  pool: pg.Pool,
  tenant: string,
  proposalId: string,
  ref: StepRef,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<Started | null> {
  return withTenant(pool, tenant, (tx) => start(tx, proposalId, ref, deps));
}

async function start(tx: Tx, proposalId: string, ref: StepRef, deps: Pick<StoreDeps, 'ontologies'>): Promise<Started | null> {
  const proposal = await lockProposal(tx, proposalId);
  if (proposal === null) return null;
  const [facts, saga, obstacles] = await Promise.all([
    readApprovalFacts(tx, proposalId),
    readSaga(tx, proposalId),
    obstaclesOf(tx, proposalId),
  ]);
  const now = async (moved: LockedProposal = proposal) => {
    const after = await readSaga(tx, proposalId);
    return { settled: after === null ? describe(moved, facts) : describeSaga(moved, facts, after) };
  };
  const next = saga === null ? null : nextStep(saga);
  if (saga === null || next === null || (next.kind !== 'do' && next.kind !== 'undo')) return now();
  if (next.kind !== ref.kind || next.step.ordinal !== ref.ordinal) return now();
  const step = saga.steps[ref.ordinal] as StepRow;
  const planned = (await readPlannedSteps(tx, saga.planId))[ref.ordinal] as PlannedStep;
  const leaseMs = leaseLeftMs(step, saga);
  const leasedFor = step.state === 'undoing' ? 'undo' : 'do';
  const mostMs = () => leaseOf(handlingOf(planned, leasedFor).request);
  const wait = () => ({ waitMs: boundLease(tx, proposal, saga, step, leaseMs, mostMs()) });
  if (ref.kind === 'do') {
    const isStopped = obstacles.stop !== null || saga.cancelled !== null;
    // What is on its way would arrive after it was taken back.
    if (isStopped) return leaseMs > 0 ? wait() : now(stopBetweenSteps(tx, proposal, saga, step, obstacles.stop));
    if (step.dueAt !== null && step.dueAt > saga.now) return now();
  }
  // The effect would arrive after it was taken back.
  if (ref.kind === 'undo' && leasedFor === 'do' && leaseMs > 0) return wait();
  if ('check' in planned && step.dueAt === null && planned.check.afterMs > 0) {
    setDue(tx, proposalId, saga, step, planned.check.afterMs);
    return now();
  }
  if ('check' in planned && planned.check.probe === undefined) {
    askObjects(tx, proposal, saga, step, await judgeObjects(tx, proposal, saga.planId, planned.check, deps));
    return now();
  }
  const handling = handlingOf(planned, ref.kind);
  const isOutstanding = step.leasedUntil !== null && step.state === (ref.kind === 'do' ? 'sending' : 'undoing');
  // Attempts that never came to an answer count like others.
  const isSpent = isOutstanding && ref.kind === 'do' && step.attempts >= attemptsOf(planned);
  if (isSpent || (isOutstanding && handling.lostAnswer !== 'key')) {
    if (leaseMs > 0) return wait();
    if (isSpent || handling.lostAnswer === 'none') {
      const problem = { ...lost, inDoubt: true };
      set(tx, proposalId, saga, step, { state: ref.kind === 'do' ? 'unknown' : 'stuck', leasedMs: null, problem });
      announceStep(tx, proposal, saga, step, { kind: ref.kind, state: ref.kind === 'do' ? 'unknown' : 'stuck', problem });
      return now();
    }
  }
  const othersMs = isOutstanding ? Math.min(leaseMs, mostMs()) : 0;
  return attempt(tx, { proposal, saga, step, ref, planned, handling, isOutstanding, othersMs, now }, deps);
}

interface Context {
  proposal: LockedProposal;
  saga: SagaRow;
  step: StepRow;
  ref: StepRef;
  planned: PlannedStep;
  handling: PlannedCompensation;
  isOutstanding: boolean;
  /** How long somebody may still wait for the answer to an earlier attempt. */
  othersMs: number;
  now: () => Promise<{ settled: Settled }>;
}

async function attempt(
  tx: Tx,
  { proposal, saga, step, ref, planned, handling, isOutstanding, othersMs, now }: Context,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<Started> {
  const slots = slotsOf(saga);
  const inForce = await deps.ontologies.load(tx);
  const request = fillSlots(handling.request, slots);
  const probe = handling.probe && fillSlots(handling.probe.request, slots);
  const unsendable = request === null || probe === null ? slotMissing : astray([request, probe], inForce);
  if (request === null || probe === null || unsendable !== null) {
    const inDoubt = isOutstanding || step.problem?.inDoubt === true;
    const problem = { ...(unsendable ?? slotMissing), inDoubt };
    const state = ref.kind === 'undo' ? 'stuck' : inDoubt ? 'unknown' : 'refused';
    set(tx, proposal.id, saga, step, { state: ref.kind === 'do' ? 'sending' : 'undoing', leasedMs: null, problem });
    set(tx, proposal.id, saga, step, { state, leasedMs: state === 'unknown' && othersMs > 0 ? othersMs : null, problem });
    announceStep(tx, proposal, saga, step, { kind: ref.kind, state, problem });
    return now();
  }
  const number = (ref.kind === 'do' ? step.attempts : step.undoAttempts) + 1;
  const sending = ref.kind === 'do' ? 'sending' : 'undoing';
  if (request.kind === 'message') {
    set(tx, proposal.id, saga, step, { state: sending, counts: ref.kind, leasedMs: null });
    storeMessage(tx, proposal, saga, step, planned, request);
    set(tx, proposal.id, saga, step, { state: ref.kind === 'do' ? 'done' : 'undone', leasedMs: null });
    announceStep(tx, proposal, saga, step, { kind: ref.kind, state: ref.kind === 'do' ? 'done' : 'undone' });
    return now();
  }
  const leasedMs = leaseOf(request);
  const startedAt = performance.now();
  const answerBy = startedAt + leasedMs; // Before the database's clock is asked, so that it is never later than what others believe.
  set(tx, proposal.id, saga, step, {
    state: sending,
    counts: ref.kind,
    leasedMs,
    ...(isOutstanding ? { problem: { ...lost, inDoubt: true } } : {}),
  });
  const overlap = othersMs > 0 ? { othersUntil: startedAt + othersMs } : {};
  const base = { ...ref, tenant: tx.tenant, proposalId: proposal.id, run: saga.run, number, request, answerBy, ...overlap };
  return {
    attempt: {
      ...base,
      idempotencyKey: `${proposal.id}.${saga.run}.${ref.ordinal}.${ref.kind}`,
      ...(isOutstanding && handling.lostAnswer === 'probe' && handling.probe && probe
        ? { probeFirst: { ...handling.probe, request: probe } }
        : {}),
      ...('check' in planned && planned.check.probe
        ? { check: { ...planned.check.probe, request: request as PlannedProbe['request'] } }
        : {}),
    },
  };
}

const slotMissing = { code: 'slot_missing', message: 'what an earlier answer should have said is missing' };

/** The document may have changed since the plan was made; what takes a step back may be sent long after. */
function astray(requests: readonly (PlannedRequest | undefined)[], inForce: LoadedOntology | null): StepProblem | null {
  const endpoints = inForce?.ontology.document.endpoints;
  if (requests.every((one) => one === undefined || leadsToEndpoint(one, endpoints))) return null;
  return { code: 'endpoint_gone', message: 'it would be sent to where no endpoint of the document in force leads' };
}

/** How often a step is tried before it is given up. */
export function attemptsOf(planned: PlannedStep): number {
  return 'effect' in planned ? planned.effect.attempts : checkAttempts;
}

const checkAttempts = 10;

function handlingOf(planned: PlannedStep, kind: StepRef['kind']): PlannedCompensation {
  if ('check' in planned) {
    if (planned.check.probe === undefined) throw new Error('a check over objects sends nothing');
    return { request: planned.check.probe.request, lostAnswer: 'key' };
  }
  const { effect } = planned;
  if (kind === 'do') return effect;
  if (effect.compensation === undefined) throw new Error('an effect without a compensation is not undone');
  return effect.compensation;
}

/** A check over objects is answered where it is asked, in the transaction that says what came of it. */
function askObjects(tx: Tx, proposal: LockedProposal, saga: SagaRow, step: StepRow, holds: boolean): void {
  const problem = { code: 'check_failed', message: 'it does not hold' };
  const end = holds ? ({ state: 'done' } as const) : ({ state: 'refused', problem } as const);
  set(tx, proposal.id, saga, step, { state: 'sending', counts: 'do', leasedMs: null });
  set(tx, proposal.id, saga, step, { ...end, leasedMs: null });
  announceStep(tx, proposal, saga, step, { kind: 'do', ...end });
}

/** What may have reached the other side has an unknown outcome: nothing more is sent to find out. */
function stopBetweenSteps(tx: Tx, proposal: LockedProposal, saga: SagaRow, step: StepRow, stop: string | null): LockedProposal {
  const reason = stop === null ? 'cancelled' : 'switched_off';
  if (step.state === 'sending') {
    const isInDoubt = step.leasedUntil !== null;
    const problem = { ...(step.problem ?? { code: reason, message: 'the execution was stopped' }), inDoubt: isInDoubt };
    set(tx, proposal.id, saga, step, { state: isInDoubt ? 'unknown' : 'waiting', leasedMs: null, problem });
  }
  const failure = executionFailed(reason, stop === null ? `cancelled: ${saga.cancelled?.reason}` : `switched off: ${stop}`);
  const tried = step.state === 'sending' && step.leasedUntil !== null;
  const seen = {
    ...saga,
    steps: saga.steps.map((one) =>
      one.ordinal === step.ordinal && one.state === 'sending' ? ({ ...one, state: tried ? 'unknown' : 'waiting' } as StepRow) : one,
    ),
  };
  const actor = stop === null ? saga.cancelled?.by : undefined;
  return leaveSaga(tx, proposal, { to: 'failed', reason, failure, ...(actor === undefined ? {} : { actor }) }, seen);
}
