import type { Fault } from '../ontology/plan.ts';
import type { ProblemCode } from '../ontology/problems.ts';

/** Unknown fields alone are told apart, since they are the fault that a client of another version makes. */
export function codeOf(faults: readonly Fault[]): ProblemCode {
  return faults.length > 0 && faults.every((fault) => fault.code === 'unknown_field') ? 'unknown_field' : 'malformed_request';
}
