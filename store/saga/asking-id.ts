import type { SagaHead, StepRow } from './saga-rows.ts';

/**
 * Names what an operator is asked. Another asking has another name, also about the same step, and so has one whose step has another state by now. The database compares it with the same:
 * `resolve_attention`.
 */
export function askingId({ asking }: Pick<SagaHead, 'asking'>, step: StepRow | 'edits'): string {
  return step === 'edits' ? `${asking}.edits` : `${asking}.${step.ordinal}.${step.state}`;
}
