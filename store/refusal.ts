import type { Fault } from '../ontology/plan.ts';
import type { ProblemCode } from '../ontology/problems.ts';

/** An expected refusal: a code of the catalogue, and the faults of the caller's own input where there are any. */
export interface Refusal {
  refused: ProblemCode;
  faults?: Fault[];
}

export function refuse(code: ProblemCode, faults?: Fault[]): Refusal {
  return faults === undefined ? { refused: code } : { refused: code, faults };
}

export function isRefusal(outcome: object): outcome is Refusal {
  return 'refused' in outcome;
}
