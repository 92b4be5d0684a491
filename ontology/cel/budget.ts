import { ComputationError } from './failure-words.ts';

/**
 * What expressions may cost. A unit is about what it takes to compute one node of an expression, some ten to fifty nanoseconds: an expression ends within about half a second, and all
 * that one evaluation computes within a few seconds, whatever lists and texts somebody has put in. Spent before the work is done.
 */
const unitsOfExpression = 10_000_000;
const unitsOfEvaluation = 100_000_000;

/** Counts what the expressions of one evaluation have cost together. */
export class Budget {
  #left: number;
  #leftOfExpression = unitsOfExpression;

  constructor(units = unitsOfEvaluation) {
    this.#left = units;
  }

  /** Begins another expression. @throws {ComputationError} when nothing is left for it. */
  begin(units: number): void {
    this.#leftOfExpression = unitsOfExpression;
    this.spend(units);
  }

  /** @throws {ComputationError} when it costs too much. */
  spend(units: number): void {
    this.#left -= units;
    this.#leftOfExpression -= units;
    if (this.#leftOfExpression < 0 || this.#left < 0) {
      throw new ComputationError('costs too much to compute');
    }
  }
}

let running = new Budget();

/** Computes with this budget, which functions inside the expression spend from. Nothing inside waits, so nobody else's expression comes in between. */
export function withinBudget<T>(budget: Budget, units: number, compute: () => T): T {
  const outer = { budget: running, traces: Error.stackTraceLimit };
  running = budget;
  Error.stackTraceLimit = 0; // A quantifier may meet an error in every turn, and to trace each would cost more than all else.
  try {
    budget.begin(units);
    const result = compute();
    budget.spend(0); // Quantifiers and `||` may have let the refusal pass: what came of that is no answer.
    return result;
  } finally {
    running = outer.budget;
    Error.stackTraceLimit = outer.traces;
  }
}

/** What a loop over a collection will cost, if each turn costs so many units. Returns the collection. */
export function loop(collection: unknown, units: bigint): unknown {
  running.spend(sizeOf(collection) * Number(units));
  return collection;
}

/** A text longer than what any property holds, and a list longer than any plan, has no use but to fill the memory. */
const longestText = 10_000_000;
const longestList = 1_000_000;

/** @throws {ComputationError} for what has grown too long. Returns the value. */
export function bounded(value: unknown): unknown {
  if (typeof value === 'string' ? value.length > longestText : sizeOf(value) > longestList) {
    throw new ComputationError('grows too long to compute');
  }
  return value;
}

/** Looks at a list before its texts are put together. */
export function joinable(list: unknown): unknown {
  const items = Array.isArray(list) ? (list as unknown[]) : [];
  running.spend(items.length);
  if (items.reduce<number>((sum, item) => sum + (typeof item === 'string' ? item.length : 1), 0) > longestText) {
    throw new ComputationError('grows too long to compute');
  }
  return list;
}

/** Looking through a text, which is much faster than a node for each character. */
export function readText(text: string): void {
  running.spend(Math.ceil(text.length / 10));
}

function sizeOf(collection: unknown): number {
  if (Array.isArray(collection)) {
    return collection.length;
  }
  if (collection instanceof Set || collection instanceof Map) {
    return collection.size;
  }
  return typeof collection === 'object' && collection !== null && Object.getPrototypeOf(collection) === Object.prototype
    ? Object.keys(collection).length
    : 0;
}
