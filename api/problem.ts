import type { Fault } from '../ontology/plan.ts';
import { type ProblemCode, type ProblemKind, problems } from '../ontology/problems.ts';

/** Where a pointer begins: a part of the request, the definition of the action type (of a change set behind `/actions/{index}`), or the ontology document in force. */
export type FaultPlace = 'body' | 'query' | 'path' | 'header' | 'actionType' | 'ontology';

export interface ProblemError {
  in: FaultPlace;
  /** RFC 6901, from the root of that place. */
  pointer: string;
  code: string;
  detail: string;
  /** The objects concerned, where there are any. */
  objects?: { type: string; id: string; property?: string }[];
  /** How many objects are concerned, where `objects` names the first alone. */
  count?: number;
}

/** RFC 9457. `code` is the stable last part of `type`; `title` is the catalogue's text; `errors` say what of the client's own input was wrong. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: ProblemCode | TransportCode;
  errors: ProblemError[];
  /** How many there are, where `errors` are the first alone. */
  errorCount?: number;
  requestId: string;
  traceId?: string;
}

/** Kind to status. Exhaustive, so a new kind cannot be forgotten. */
const statusOfKind: Readonly<Record<ProblemKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  gone: 410,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  unprocessable: 422,
  precondition_required: 428,
  too_many: 429,
  bug: 500,
  unavailable: 503,
};

/** What goes wrong with a message before there is a request for a route. It is about HTTP and nothing of the product, so the catalogue knows nothing of it. */
const transportProblems = {
  request_timeout: { status: 408, title: 'The request was not sent in time.' },
  request_head_too_large: { status: 431, title: 'The address or the headers of the request are too large.' },
} as const;

export type TransportCode = keyof typeof transportProblems;

/** What refusals without faults of their own are about, by their code; the catalogue's text says what is wrong with it. */
const subjects: Partial<Record<ProblemCode, { in: FaultPlace; pointer: string }>> = {
  idempotency_key_required: { in: 'header', pointer: '/Idempotency-Key' },
  idempotency_key_reused: { in: 'header', pointer: '/Idempotency-Key' },
  invalid_page_token: { in: 'query', pointer: '/pageToken' },
  unexplained_changes: { in: 'body', pointer: '/reason' },
  unknown_action_type: { in: 'body', pointer: '/actionType' },
};

/** Found by an evaluation, so that a pointer goes into the parameters or else into a definition. */
const evaluated: ReadonlySet<string> = new Set<ProblemCode>([
  'conflicting_edits',
  'conflicting_rules',
  'constraint_failed',
  'criteria_failed',
  'evaluation_failed',
  'function_failed',
  'invalid_value',
  'limit_exceeded',
  'not_unique',
  'object_exists',
  'object_missing',
  'outside_surface',
  'required_link_missing',
  'still_referenced',
  'unknown_reference',
]);

export const problemMediaType = 'application/problem+json';
const problemTypeBase = 'https://exequatur.dev/problems/';
const maxErrors = 100; // A hostile body of a million wrong items must not become an answer of a million faults.
const maxDetail = 500; // Details quote names from the client's own input, which may be as long as the body.
const maxPointer = 1_000;

export function statusOf(code: ProblemCode | TransportCode): number {
  return isTransportCode(code) ? transportProblems[code].status : statusOfKind[problems[code].kind];
}

function isTransportCode(code: ProblemCode | TransportCode): code is TransportCode {
  return Object.hasOwn(transportProblems, code);
}

/** The status a client sees is a function of the code alone. */
export function problemDocument(
  refusal: { refused: ProblemCode | TransportCode; faults?: readonly Fault[]; count?: number; place?: FaultPlace },
  request: { instance: string; requestId: string; traceId?: string },
): ProblemDocument {
  const { title } = isTransportCode(refusal.refused) ? transportProblems[refusal.refused] : problems[refusal.refused];
  const { faults = [] } = refusal;
  const subject = isTransportCode(refusal.refused) ? undefined : subjects[refusal.refused];
  const errors =
    faults.length === 0 && subject !== undefined
      ? [{ ...subject, code: refusal.refused, detail: title }]
      : faults.slice(0, maxErrors).map((fault) => problemError(fault, refusal.place ?? 'body'));
  const count = Math.max(refusal.count ?? 0, faults.length, errors.length);
  return {
    type: problemTypeBase + refusal.refused,
    title,
    status: statusOf(refusal.refused),
    detail: detailOf(title, errors, count),
    instance: request.instance,
    code: refusal.refused,
    errors,
    ...(count > errors.length ? { errorCount: count } : {}),
    requestId: request.requestId,
    ...(request.traceId === undefined ? {} : { traceId: request.traceId }),
  };
}

function problemError(fault: Fault, place: FaultPlace): ProblemError {
  return {
    ...located(fault, place),
    code: fault.code,
    detail: fault.message.slice(0, maxDetail).toWellFormed(),
    ...(fault.objects === undefined ? {} : { objects: fault.objects.slice(0, maxErrors) }),
    ...(fault.count === undefined ? {} : { count: fault.count }),
  };
}

function located(fault: Fault, place: FaultPlace): Pick<ProblemError, 'in' | 'pointer'> {
  const pointer = (fault.pointer ?? '').slice(0, maxPointer).toWellFormed();
  if (pointer === '' || !evaluated.has(fault.code) || /^\/(?:parameters|changeSet)\//.test(pointer)) return { in: place, pointer };
  const [, member = '', own = ''] = /^(\/actions\/[0-9]+)?(.*)$/s.exec(pointer) ?? [];
  if (own === '') return { in: 'actionType', pointer };
  const inType = /^(?:\/actionTypes\/[^/]+)?(\/(?:criteria|rules|parameters|effects|checks|limits)(?:\/.*)?)$/s.exec(own)?.[1];
  return inType === undefined ? { in: 'ontology', pointer: own } : { in: 'actionType', pointer: `${member}${inType}` };
}

function detailOf(title: string, errors: readonly ProblemError[], count: number): string {
  const [first] = errors;
  if (first === undefined) return title;
  const place = first.pointer === '' ? '' : `${first.pointer}: `;
  return count === 1 ? `${place}${first.detail}` : `${place}${first.detail} (and ${count - 1} more; see errors)`;
}
