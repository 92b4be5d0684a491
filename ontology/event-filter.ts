import { Budget } from './cel/budget.ts';
import { budgetOf, compileExpression, type Expression } from './cel/expression.ts';
import { Scope, Vocabulary } from './cel/scope.ts';
import type { CloudEvent } from './cloud-event.ts';
import type { JsonValue } from './json.ts';
import type { Fault } from './plan.ts';
import { boolean } from './rule-context.ts';
import type { Loosening } from './setting-actions.ts';

/** Which events a subscription gets: those that all of its parts admit. Without parts, all. */
export interface EventFilter {
  /** Types, or their beginnings: `proposal.*`. */
  types?: readonly string[];
  /** Subjects, or their beginnings: `object/room/*`. */
  subjects?: readonly string[];
  /** Events of objects alone, of these types. */
  objectTypes?: readonly string[];
  /** CEL over `event`. Where it cannot be computed of an event, the event is not wanted. */
  condition?: string;
}

export type EventMatch = (event: CloudEvent) => boolean;

/** What a filter says of an event, and of one that cannot be read: whether it may be wanted once it can. */
export interface CompiledFilter {
  matches: EventMatch;
  mayMatch: EventMatch;
}

const unitsOfCondition = 50_000; // Some two milliseconds: it is asked of every event of the tenant, in a process that serves all tenants.

/** What the changes of an execution are told as where they cannot be read: of which objects nobody knows. */
const unnamedChanges = 'object.changes';

const scope = new Scope(new Vocabulary(new Map())).with('event', 'dyn');

/** The filter as a question that is asked of each event, or what is wrong with it. */
export function compileEventFilter(filter: EventFilter): CompiledFilter | { fault: Fault } {
  const condition = filter.condition === undefined ? null : compileExpression(scope, filter.condition, '/filter/condition', boolean);
  if (condition !== null && 'fault' in condition) return { fault: { ...condition.fault, code: 'invalid_filter' } };
  const isNamed: EventMatch = (event) =>
    admits(filter.types, event.type) &&
    admits(filter.subjects, event.subject) &&
    (filter.objectTypes === undefined || filter.objectTypes.includes(objectTypeOf(event.subject)));
  return {
    matches: (event) => isNamed(event) && (condition === null || holds(condition.expression, event)),
    mayMatch: (event) => event.type === unnamedChanges || isNamed(event),
  };
}

function admits(patterns: readonly string[] | undefined, text: string): boolean {
  return patterns === undefined || patterns.some((pattern) => covers(pattern, text));
}

/** Whether all that a pattern or a text names is named by a pattern. */
export function covers(pattern: string, text: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : pattern === text;
}

function objectTypeOf(subject: string): string {
  const [kind, type = ''] = subject.split('/', 2);
  return kind === 'object' ? type : '';
}

function holds(condition: Expression, event: CloudEvent): boolean {
  try {
    return condition.compute({ event: event as unknown as JsonValue, [budgetOf]: new Budget(unitsOfCondition) }) === true;
  } catch {
    return false;
  }
}

/** What a filter may admit that the one before it surely did not. A condition that is another is not understood, and counts. */
export function filterLoosens(before: EventFilter, after: EventFilter): Loosening[] {
  const wider = (known: readonly string[] | undefined, asked: readonly string[] | undefined) =>
    known !== undefined && (asked === undefined || asked.some((text) => !known.some((pattern) => covers(pattern, text))));
  const found: Loosening[] = [];
  for (const part of ['types', 'subjects', 'objectTypes'] as const) {
    if (wider(before[part], after[part])) found.push({ pointer: `/filter/${part}`, message: 'admits more events' });
  }
  if (before.condition !== undefined && before.condition !== after.condition)
    found.push({ pointer: '/filter/condition', message: 'may admit more events' });
  return found;
}
