import type { Fault } from '../ontology/plan.ts';
import { isProblemCode, type ProblemCode } from '../ontology/problems.ts';

/** An expected refusal: a code of the catalogue, and the faults of the caller's own input where there are any. */
export interface Refusal {
  refused: ProblemCode;
  faults?: Fault[];
  /** Of what is refused for now: after how many seconds it may be asked again. */
  retryAfterS?: number;
}

export function refuse(code: ProblemCode, faults?: Fault[]): Refusal {
  return faults === undefined ? { refused: code } : { refused: code, faults };
}

export function isRefusal(outcome: object): outcome is Refusal {
  return 'refused' in outcome;
}

/** By the code of the first fault, which may be one of the catalogue. */
export function refuseFaults(faults: Fault[], otherwise: ProblemCode): Refusal {
  const code = faults[0]?.code ?? otherwise;
  return refuse(isProblemCode(code) ? code : otherwise, faults);
}
