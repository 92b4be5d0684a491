import type { Outcome } from './judge-attempt.ts';

/** `bakes`: it is asked again while it holds. `isLast`: nobody answered the askings before either. */
interface Asking {
  bakes: boolean;
  isLast: boolean;
}

/**
 * What an asking of a check comes to; `holds` is undefined where nobody answered. A no ends it at once. Nobody's answer is no answer: within the bake time the next asking tells, and
 * at its end the check must be answered, as one without a bake time must.
 */
export function judgeAsking(holds: boolean | undefined, { bakes, isLast }: Asking): Outcome {
  if (holds === false) return { state: 'refused', problem: { code: 'check_failed', message: 'it does not hold' } };
  const problem = { code: 'check_unanswered', message: 'nobody answered whether it holds' };
  if (bakes) return { state: 'baking', problem: holds ? null : problem };
  if (holds) return { state: 'done' };
  return isLast ? { state: 'refused', problem } : { state: 'again', outstanding: false, problem };
}
