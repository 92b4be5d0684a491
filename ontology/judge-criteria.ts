import type { Frame } from './cel/expression.ts';
import type { CompiledActionType } from './compiled-ontology.ts';
import type { Verdict } from './plan.ts';
import { Refusal } from './refusal.ts';

/** Asks every criterion, so that the proposer learns of all that fail. @throws {Refusal} with those. */
export function judgeCriteria(action: CompiledActionType, frame: Frame): Verdict[] {
  const verdicts = action.compiled.criteria.map(
    ({ pointer, condition, message }): Verdict => ({ pointer, message, outcome: condition.compute(frame) === true ? 'passed' : 'failed' }),
  );
  const failed = verdicts.filter((verdict) => verdict.outcome === 'failed');
  if (failed.length > 0) {
    throw new Refusal(failed.map(({ pointer, message }) => ({ code: 'criteria_failed', pointer, message })));
  }
  return verdicts;
}
