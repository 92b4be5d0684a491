// One attempt at a step outside the database, which is one row of ontology/saga.ts. Its parts, and between any two of them the worker may die.
//
// | step   | do                                                | undo                         | key                               | after a crash in the middle                                                               |
// |--------|---------------------------------------------------|------------------------------|-----------------------------------|-------------------------------------------------------------------------------------------|
// | ask    | but under `key`: whether Temporal knows of more   | nothing to undo              | the step and the run              | asked again                                                                               |
// | begin  | `startAttempt`: on record that it is tried        | nothing to undo              | the number of the attempt         | the next one finds an attempt that nobody answered                                        |
// | send   | the request, or the probe that is asked before it | the compensation in the plan | `keyOf`, the same at each attempt | once nobody holds it any more the next one goes by `lostAnswer`                           |
// | record | `recordAnswer`: what came of it                   | nothing to undo              | the number of the attempt         | as if nobody had answered                                                                 |

import { ApplicationFailure } from '@temporalio/common';
import type pg from 'pg';
import type { Answer } from '../../ontology/judge-answer.ts';
import { type EffectFunction, EffectRefused } from '../../ontology/ontology-function.ts';
import type { PlannedRequest } from '../../ontology/planned-effect.ts';
import type { StepEnd } from '../../store/saga/announce-step.ts';
import { keyOfQuestion } from '../../store/saga/idempotency-key.ts';
import { functionTimeoutMs } from '../../store/saga/leases.ts';
import { type Recorded, recordAnswer } from '../../store/saga/record-answer.ts';
import { type Asked, type Attempt, type StartDeps, type Started, startAttempt } from '../../store/saga/start-attempt.ts';
import type { Settled } from '../../store/settle.ts';
import type { StoreDeps } from '../../store/store-deps.ts';
import { failureTypes, type PerformStart } from '../../workflows/proposal-activities.contract.ts';
import { holdAttempt } from './hold-attempt.ts';

/** Sends one webhook, signed and guarded. Never throws for what the network or the receiver does. */
export type SendWebhook = (
  tenant: string,
  request: Extract<PlannedRequest, { kind: 'webhook' }>,
  idempotencyKey: string,
  limits: SendLimits,
) => Promise<Answer>;

export interface SendLimits {
  signal: AbortSignal;
  /** By `performance.now()`: nothing is sent after it, and no answer waited for. */
  answerBy: number;
  /** Asked right before anything is sent: false where another attempt may have begun. */
  isHeld: () => boolean;
}

export interface StepDeps {
  pool: pg.Pool;
  store: Pick<StoreDeps, 'ontologies'>;
  sendWebhook: SendWebhook;
  effectFunctions: readonly EffectFunction[];
  /** Whether an attempt that the database knows nothing of may have been made. Left out where nobody can say. */
  mayBeSent?: (asked: Asked) => Promise<boolean>;
  /** Hears of each attempt that is on record, before anything is sent, by its number. */
  onTry?: (number: number) => void;
  /** Hears of each step that came to an end, once that is on record. */
  onEnd: (end: StepEnd) => void;
}

/**
 * Tries one step outside the database: puts that on record, sends, and puts on record what became of it. A crash in between leaves an attempt without an answer, which the
 * next one finds. Where another attempt is worth it, it fails, and Temporal tries again after the pause that it names.
 */
export async function performStep(deps: StepDeps, start: PerformStart, signal: AbortSignal): Promise<Settled | null> {
  const started = await startKnowingly(deps, start);
  if (started === null) return null;
  if ('settled' in started) {
    if (started.ended) deps.onEnd(started.ended);
    return started.settled;
  }
  if ('waitMs' in started) throw again(started.waitMs, 'somebody may still wait for the answer to an earlier attempt');
  const { attempt } = started;
  deps.onTry?.(attempt.number);
  const recorded = await sendAndRecord(deps, attempt, signal);
  if (recorded?.ended) deps.onEnd(recorded.ended);
  if (recorded?.againMs !== undefined) throw again(recorded.againMs, wordsOf(recorded.answer));
  return recorded?.settled ?? null;
}

/** Asks, between two transactions, what must be known of earlier attempts. */
async function startKnowingly({ pool, store, mayBeSent }: StepDeps, { tenantId, proposalId, step }: PerformStart): Promise<Begun | null> {
  const begin = (deps: StartDeps) => startAttempt(pool, tenantId, proposalId, step, deps);
  let started = await begin(mayBeSent === undefined ? store : { ...store, heard: null });
  while (started !== null && 'ask' in started) {
    if (mayBeSent === undefined) throw new Error('nobody can be asked');
    started = await begin({ ...store, heard: { ...started.ask, mayBeSent: await mayBeSent(started.ask) } });
  }
  return started;
}

type Begun = Exclude<Started, { ask: Asked }>;

async function sendAndRecord(deps: StepDeps, attempt: Attempt, signal: AbortSignal): Promise<(Recorded & { answer: Answer }) | null> {
  const { isHeld, overtaken, release } = holdAttempt(deps.pool, attempt);
  try {
    const limits = { signal: AbortSignal.any([signal, overtaken]), answerBy: attempt.answerBy, isHeld };
    const { answer, probed } = await send(deps, attempt, limits);
    const recorded = await recordAnswer(deps.pool, attempt, answer, probed);
    return recorded && { ...recorded, answer };
  } finally {
    release();
  }
}

async function send(deps: StepDeps, attempt: Attempt, limits: SendLimits): Promise<{ answer: Answer; probed: boolean }> {
  const { tenant, probeFirst, check, request, idempotencyKey, number } = attempt;
  const probe = probeFirst ?? check;
  if (probe !== undefined)
    return { answer: await deps.sendWebhook(tenant, probe.request, keyOfQuestion(idempotencyKey, number), limits), probed: true };
  if (request.kind === 'webhook') return { answer: await deps.sendWebhook(tenant, request, idempotencyKey, limits), probed: false };
  if (request.kind === 'function') return { answer: await callFunction(deps, attempt, request, limits), probed: false };
  throw new Error('a message is stored, not sent');
}

async function callFunction(
  { effectFunctions }: StepDeps,
  { tenant, idempotencyKey }: Attempt,
  { name, version, input }: Extract<PlannedRequest, { kind: 'function' }>,
  { signal, answerBy, isHeld }: SendLimits,
): Promise<Answer> {
  const found = effectFunctions.find((one) => one.name === name && one.version === version);
  if (found === undefined)
    return { kind: 'not_sent', code: 'function_missing', reason: `this worker has no effect function ${name} of version ${version}` };
  const leftMs = Math.min(functionTimeoutMs, Math.floor(answerBy - performance.now()));
  if (leftMs < 1 || !isHeld()) return { kind: 'not_sent', code: 'too_late', reason: 'the attempt came to be made when its time was over' };
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(leftMs)]);
    // One that does not heed the signal is not waited for: it would keep its place in the worker.
    const body = await Promise.race([found.perform(structuredClone(input), { tenant, idempotencyKey, signal: limit }), aborted(limit)]);
    return { kind: 'answered', status: 200, body };
  } catch (error) {
    if (error instanceof EffectRefused) return { kind: 'answered', status: 422, body: undefined };
    return {
      kind: 'lost',
      code: 'function_failed',
      reason: `${name} failed with ${error instanceof Error ? error.name : 'what is no error'}`,
    };
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

function again(ms: number, words: string): ApplicationFailure {
  return ApplicationFailure.create({ message: words, type: failureTypes.effectNotDone, nextRetryDelay: Math.max(1, ms) });
}

function wordsOf(answer: Answer): string {
  return answer.kind === 'answered' ? `answered ${answer.status}` : answer.reason;
}
