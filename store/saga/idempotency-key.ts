import type { SagaHead, StepRow } from './saga-rows.ts';
import type { StepRef } from './start-attempt.ts';

const planFrom = 'sha256:'.length;
const planLength = 32; // 128 bits: no two plans of a proposal share them, and with all the rest a key stays below the hundred characters or so that some receivers take.

/** Which plan's run it is, among all that a proposal ever has: the same where PostgreSQL was restored to before it began, and it begins again by the same plan. */
export function runOf({ run, digest }: SagaHead): string {
  return `${digest.slice(planFrom, planFrom + planLength)}.${run}`;
}

/**
 * Stable over attempts, and of no other request. PostgreSQL may be restored to before an execution began, and the proposal then come to another plan: under the same run, whose
 * requests nobody must take for those that were answered before.
 */
export function keyOf(proposalId: string, { run, digest, keysNamePlan }: SagaHead, { ordinal }: StepRow, kind: StepRef['kind']): string {
  const plan = keysNamePlan ? `.${digest.slice(planFrom, planFrom + planLength)}` : '';
  return `${proposalId}${plan}.${run}.${ordinal}.${kind}`;
}

/** Of a question each asking has its own, by the number of the attempt: whoever honours keys would else answer as it did the first time, and what was done since would be done again. */
export function keyOfQuestion(key: string, number: number): string {
  return `${key}.${number}.probe`;
}
