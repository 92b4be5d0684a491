import type { Fault } from './plan.ts';
import type { ProblemCode } from './problems.ts';

/** Thrown inside the evaluator to end an evaluation that cannot give a plan; caught at its entrance and returned as faults, never seen outside. */
export class Refusal extends Error {
  readonly faults: Fault[];

  constructor(faults: Fault[]) {
    super(faults[0]?.message ?? 'refused');
    this.faults = faults;
  }
}

export function refuse(code: ProblemCode, message: string, more: Omit<Fault, 'code' | 'message'> = {}): Refusal {
  return new Refusal([{ code, message, ...more }]);
}
