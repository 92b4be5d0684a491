import type { z } from 'zod';
import { pointerTo } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import type { ProblemCode } from '../ontology/problems.ts';

/** What a schema found wrong, one fault per place. zod's own words describe the schema and quote nothing of the input but names. */
export function faultsOf(error: z.ZodError): Fault[] {
  return error.issues.flatMap((issue) => faultsOfIssue(issue));
}

function faultsOfIssue(issue: z.core.$ZodIssue): Fault[] {
  const pointer = pointerTo('', ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step)));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => ({ code: 'unknown_field', pointer: pointerTo(pointer, name), message: 'is not known here' }));
  }
  return [{ code: 'malformed_request', pointer, message: issue.message }];
}

/** Unknown fields alone are told apart, since they are the fault that a client of another version makes. */
export function codeOf(faults: readonly Fault[]): ProblemCode {
  return faults.length > 0 && faults.every((fault) => fault.code === 'unknown_field') ? 'unknown_field' : 'malformed_request';
}
