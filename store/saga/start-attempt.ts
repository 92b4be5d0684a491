import type pg from 'pg';
import { fillSlots } from '../../ontology/fill-slots.ts';
import { leadsToEndpoint } from '../../ontology/leads-to-endpoint.ts';
import type { PlannedCompensation, PlannedProbe, PlannedRequest } from '../../ontology/planned-effect.ts';
import { readApprovalFacts } from '../approval-facts.ts';
import type { LoadedOntology } from '../load-ontology.ts';
import { type LockedProposal, lockProposal } from '../proposal-row.ts';
import { describe, type Settled } from '../settle.ts';
import { type Tx, withTenant } from '../sql.ts';
import type { StoreDeps } from '../store-deps.ts';
import { obstaclesOf } from '../switches.ts';
import { announceStep, type StepEnd } from './announce-step.ts';
import { askObjects } from './ask-objects.ts';
import { bakeLeftMs, beginBake } from './bake-time.ts';
import { waitAnew, waitLeftMs } from './check-waits.ts';
import { describeSaga } from './describe-saga.ts';
import { keyOf, runOf } from './idempotency-key.ts';
import { boundDue, boundLease, heldLeftMs, holdMs, leaseLeftMs, leaseOf } from './leases.ts';
import { type KnownPlan, knownPlan, type PlannedStep, readSlots } from './planned-steps.ts';
import { readSagaAhead } from './saga-ahead.ts';
import type { SagaHead, StepProblem, StepRow } from './saga-rows.ts';
import { setStep as set, setDue } from './set-step.ts';
import { stopBetweenSteps } from './stop-between-steps.ts';
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
  /** By the same clock: until then this attempt is surely not overtaken, and longer where that is renewed. Left out of one that others need not wait for. */
  heldUntil?: number;
}

/** What must be known before an attempt that is not to be repeated blindly: whether one beyond those `made` is on record elsewhere, under this run. */
export interface Asked extends StepRef {
  of: string;
  made: number;
  /** By which server those are all. */
  server: string;
}

export type Heard = Asked & { mayBeSent: boolean };

export interface StartDeps extends Pick<StoreDeps, 'ontologies'> {
  /** Left out where nobody can be asked; null before anybody was. */
  heard?: Heard | null;
}

/** `ended`: the step came to an end without anything being sent. */
export type Started = { attempt: Attempt } | { ask: Asked } | { waitMs: number } | { settled: Settled; ended?: StepEnd };

export const lost = { code: 'answer_lost', message: 'a request was sent, and its answer never came' };

/**
 * Puts on record that a step is about to be tried, and returns what to send; or says how things stand, where this step is not what comes next. A switch that was thrown and
 * a cancellation are heeded here, between steps.
 */
export function startAttempt(pool: pg.Pool, tenant: string, proposalId: string, ref: StepRef, deps: StartDeps): Promise<Started | null> {
  return withTenant(pool, tenant, (tx) => start(tx, proposalId, ref, deps));
}

async function start(tx: Tx, proposalId: string, ref: StepRef, deps: StartDeps): Promise<Started | null> {
  const proposal = await lockProposal(tx, proposalId);
  if (proposal === null) return null;
  const [facts, saga, obstacles] = await Promise.all([
    readApprovalFacts(tx, proposalId),
    readSagaAhead(tx, proposalId),
    obstaclesOf(tx, proposalId),
  ]);
  const now = async ({ ended, moved = proposal }: { ended?: StepEnd; moved?: LockedProposal } = {}) => {
    const after = await readSagaAhead(tx, proposalId);
    return { settled: after === null ? describe(moved, facts) : describeSaga(moved, facts, after), ...(ended ? { ended } : {}) };
  };
  const next = saga?.next;
  if (saga === null || (next?.kind !== 'do' && next?.kind !== 'undo')) return now();
  if (next.kind !== ref.kind || next.step.ordinal !== ref.ordinal) return now();
  const { step } = next;
  const plan = await knownPlan(tx, saga.planId);
  const planned = plan.steps[ref.ordinal] as PlannedStep;
  const leaseMs = leaseLeftMs(step, saga);
  const leasedFor = step.state === 'undoing' ? 'undo' : 'do';
  const mostMs = () => leaseOf(handlingOf(planned, leasedFor).request);
  const wait = (ms = leaseMs) => ({ waitMs: Math.min(ms, boundLease(tx, proposal, saga, step, leaseMs, mostMs())) });
  if (ref.kind === 'do') {
    const isStopped = obstacles.stop !== null || saga.cancelled !== null;
    // What is on its way would arrive after it was taken back.
    if (isStopped) return leaseMs > 0 ? wait() : now(await stopBetweenSteps(tx, proposal, saga, step, obstacles.stop));
    if (waitAnew(tx, proposalId, saga, step) || waitLeftMs(step, saga.now) > 0) return now();
  }
  // The effect would arrive after it was taken back.
  if (ref.kind === 'undo' && leasedFor === 'do' && leaseMs > 0) return wait();
  if (ref.kind === 'undo') {
    const dueMs = boundDue(tx, proposalId, saga, step, () => leaseOf(handlingOf(planned, 'do').request) + mostMs());
    if (dueMs > 0) return { waitMs: dueMs };
  }
  if ('check' in planned) {
    const { check } = planned;
    if (step.dueAt === null && check.afterMs > 0) {
      setDue(tx, proposalId, saga, step, check.afterMs);
      return now();
    }
    beginBake(tx, proposalId, saga, step, check);
    if (check.probe === undefined) return now(await askObjects(tx, proposal, saga, step, { plan, check }, deps));
  }
  const handling = handlingOf(planned, ref.kind);
  const isOutstanding = step.leasedUntil !== null && step.state === (ref.kind === 'do' ? 'sending' : 'undoing');
  // Attempts that never came to an answer count like others. Past those of the effect an outstanding one is only probed. A check is given up when its bake time is over, and not before.
  const tries = step.attempts - step.earlierAttempts;
  const bakes = 'check' in planned && bakeLeftMs(step, planned.check, saga.now) > 0;
  const isSpent = isOutstanding && ref.kind === 'do' && tries >= triesOf(planned) && !bakes;
  if (isSpent || (isOutstanding && handling.lostAnswer !== 'key')) {
    const heldMs = heldLeftMs(step, saga);
    if (heldMs > 0) return wait(heldMs);
    if (isSpent || handling.lostAnswer === 'none') {
      const problem = { ...lost, inDoubt: true };
      const state = ref.kind === 'do' ? 'unknown' : 'stuck';
      set(tx, proposalId, saga, step, { state, leasedMs: leaseMs > 0 ? wait().waitMs : null, problem });
      return now({ ended: announceStep(tx, proposal, saga, step, { kind: ref.kind, state, problem }) });
    }
  }
  let isInDoubt = isOutstanding;
  if (handling.lostAnswer !== 'key' && handling.request.kind !== 'message' && !isOutstanding && deps.heard !== undefined) {
    const made = ref.kind === 'do' ? step.attempts : step.undoAttempts;
    const asked = { ...ref, of: runOf(saga), made, server: saga.server };
    const { heard } = deps;
    if (heard === null || heard.made !== made || heard.of !== asked.of || heard.server !== asked.server) return { ask: asked };
    if (heard.mayBeSent && handling.lostAnswer === 'none') return now({ ended: leaveUnknown(tx, proposal, saga, step, ref) });
    isInDoubt = heard.mayBeSent;
  }
  const othersMs = isOutstanding ? Math.min(leaseMs, mostMs()) : 0;
  return attempt(tx, { proposal, saga, step, ref, plan, planned, handling, isOutstanding: isInDoubt, othersMs, now }, deps);
}

interface Context {
  proposal: LockedProposal;
  saga: SagaHead;
  step: StepRow;
  ref: StepRef;
  plan: KnownPlan;
  planned: PlannedStep;
  handling: PlannedCompensation;
  /** Whether an earlier attempt may have done it whose answer nobody has. */
  isOutstanding: boolean;
  /** How long somebody may still wait for the answer to an earlier attempt. */
  othersMs: number;
  now: (change: { ended: StepEnd }) => Promise<Started>;
}

async function attempt(
  tx: Tx,
  { proposal, saga, step, ref, plan, planned, handling, isOutstanding, othersMs, now }: Context,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<Started> {
  const requests = [handling.request, ...(handling.probe ? [handling.probe.request] : [])];
  const [slots, inForce] = await Promise.all([readSlots(tx, proposal.id, saga, plan, requests), deps.ontologies.load(tx)]);
  const request = fillSlots(handling.request, slots);
  const probe = handling.probe && fillSlots(handling.probe.request, slots);
  const unsendable = request === null || probe === null ? slotMissing : astray([request, probe], inForce);
  if (request === null || probe === null || unsendable !== null) {
    const inDoubt = isOutstanding || step.problem?.inDoubt === true;
    const problem = { ...(unsendable ?? slotMissing), inDoubt };
    const state = ref.kind === 'undo' ? 'stuck' : inDoubt ? 'unknown' : 'refused';
    set(tx, proposal.id, saga, step, { state: ref.kind === 'do' ? 'sending' : 'undoing', leasedMs: null, problem });
    set(tx, proposal.id, saga, step, { state, leasedMs: state === 'unknown' && othersMs > 0 ? othersMs : null, problem });
    return now({ ended: announceStep(tx, proposal, saga, step, { kind: ref.kind, state, problem }) });
  }
  const number = (ref.kind === 'do' ? step.attempts : step.undoAttempts) + 1;
  const sending = ref.kind === 'do' ? 'sending' : 'undoing';
  if (request.kind === 'message') {
    set(tx, proposal.id, saga, step, { state: sending, counts: ref.kind, leasedMs: null });
    storeMessage(tx, proposal, saga, step, planned, request);
    const state = ref.kind === 'do' ? 'done' : 'undone';
    set(tx, proposal.id, saga, step, { state, leasedMs: null });
    return now({ ended: announceStep(tx, proposal, saga, step, { kind: ref.kind, state }) });
  }
  const leasedMs = leaseOf(request);
  const startedAt = performance.now();
  const answerBy = startedAt + leasedMs; // Before the database's clock is asked, so that it is never later than what others believe.
  const isHeld = handling.lostAnswer !== 'key';
  set(tx, proposal.id, saga, step, {
    state: sending,
    counts: ref.kind,
    leasedMs,
    ...(isHeld ? { heldMs: holdMs } : {}),
    ...(isOutstanding ? { problem: { ...lost, inDoubt: true } } : {}),
  });
  const limits = { ...(othersMs > 0 ? { othersUntil: startedAt + othersMs } : {}), ...(isHeld ? { heldUntil: startedAt + holdMs } : {}) };
  const base = { ...ref, tenant: tx.tenant, proposalId: proposal.id, run: saga.run, number, request, answerBy, ...limits };
  return {
    attempt: {
      ...base,
      idempotencyKey: keyOf(proposal.id, saga, step, ref.kind),
      ...(isOutstanding && handling.lostAnswer === 'probe' && handling.probe && probe
        ? { probeFirst: { ...handling.probe, request: probe } }
        : {}),
      ...('check' in planned && planned.check.probe
        ? { check: { ...planned.check.probe, request: request as PlannedProbe['request'] } }
        : {}),
    },
  };
}

/** An attempt that the database knows nothing of, since it was restored to an instant before it. It counts, so that an operator who has the step tried again is heeded. */
function leaveUnknown(tx: Tx, proposal: LockedProposal, saga: SagaHead, step: StepRow, { kind }: StepRef): StepEnd {
  const problem = { ...sentBefore, inDoubt: true };
  const state = kind === 'do' ? 'unknown' : 'stuck';
  set(tx, proposal.id, saga, step, { state: kind === 'do' ? 'sending' : 'undoing', counts: kind, leasedMs: null, problem });
  set(tx, proposal.id, saga, step, { state, leasedMs: null, problem });
  return announceStep(tx, proposal, saga, step, { kind, state, problem });
}

const sentBefore = {
  code: 'sent_before',
  message: 'Temporal knows of an attempt that the database does not, which was restored to an earlier instant',
};
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

/** The same with the probes that are asked after it, where the answer to the last attempt was lost: each of them is a try as well. */
export function triesOf(planned: PlannedStep): number {
  return attemptsOf(planned) + ('effect' in planned && planned.effect.lostAnswer === 'probe' ? lastProbes : 0);
}

const checkAttempts = 10;
const lastProbes = 5; // With the pauses before them, time for a receiver to come back; and a step that is tried no more keeps all after it waiting.

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
