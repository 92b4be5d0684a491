import type { z } from 'zod';
import { pointerTo } from './json.ts';
import type { Fault } from './plan.ts';
import type { ProblemCode } from './problems.ts';
import { shapeWords, typeOf } from './shape-words.ts';

type ShapeOutcome<T> = { value: T } | { faults: Fault[] };

/**
 * Reads what somebody else sent by its schema, or says what does not fit: one fault per place, with `code`, or `unknown_field` where a field is not known. Of several
 * shapes that one is taken for meant of which the fewest things are wrong.
 */
export function readShape<T>(schema: z.ZodType<T>, sent: unknown, code: ProblemCode): ShapeOutcome<T> {
  const parsed = schema.safeParse(sent, { error: shapeWords });
  return parsed.success ? { value: parsed.data } : { faults: parsed.error.issues.flatMap((issue) => faultsOf(issue, code)) };
}

function faultsOf(issue: z.core.$ZodIssue, code: ProblemCode): Fault[] {
  const pointer = pointerTo('', ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step)));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => ({ code: 'unknown_field', pointer: pointerTo(pointer, name), message: 'is not known here' }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const types = typesIn(issue.errors);
    if (types !== null) return [{ code, pointer, message: `must be ${types.join(' or ')}` }];
    const nearest = [...issue.errors].sort((a, b) => weightOf(a) - weightOf(b))[0] ?? [];
    return nearest.flatMap((inner) => faultsOf({ ...inner, path: [...issue.path, ...inner.path] }, code));
  }
  return [{ code, pointer, message: issue.message }];
}

/** Where a value is of none of the types that the shapes ask for: those types. */
function typesIn(branches: readonly (readonly z.core.$ZodIssue[])[]): string[] | null {
  const types = branches.map(([first, ...rest]) =>
    first?.code === 'invalid_type' && first.path.length === 0 && rest.length === 0 ? typeOf(first.expected) : null,
  );
  return types.some((type) => type === null) ? null : [...new Set(types as string[])];
}

function weightOf(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
}
