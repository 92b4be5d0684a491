import type { HistoryChange } from './evaluate-revert.ts';
import type { Fault, SimulationOutcome } from './plan.ts';

interface SkippedObject {
  type: string;
  id: string;
  property?: string;
}

/** Each round leaves out what stood in the way of the one before; what then stands in the way of the rest is found by the next. */
const mostRounds = 20;

/**
 * Evaluates a revert without what others changed since, object by object and property by property. Where something stands in the way that is no part of it, or nothing is
 * left, the answer is that of the whole.
 */
export async function skipConflicts(
  changes: readonly HistoryChange[],
  evaluate: (changes: readonly HistoryChange[]) => Promise<SimulationOutcome>,
): Promise<SimulationOutcome> {
  const whole = await evaluate(changes);
  const skipped: SkippedObject[] = [];
  let left = changes;
  let outcome = whole;
  for (let round = 0; outcome.kind === 'invalid' && round < mostRounds; round++) {
    const found = outcome.faults.flatMap((fault) => concerned(fault, left));
    skipped.push(...found);
    left = without(left, found);
    if (found.length === 0 || left.length === 0) return whole;
    outcome = await evaluate(left);
  }
  if (outcome.kind === 'invalid') return whole;
  if (skipped.length > 0) outcome.simulation.summary.skipped = { count: skipped.length, objects: skipped.slice(0, mostShown) };
  return outcome;
}

const mostShown = 100;

function concerned({ objects = [] }: Fault, changes: readonly HistoryChange[]): SkippedObject[] {
  return objects.filter(({ type, id, property }) =>
    changes.some((change) => isOf(change, type, id) && (property === undefined || isTouched(change, property))),
  );
}

function isOf(change: HistoryChange, type: string, id: string): boolean {
  return 'link' in change ? change.link === type && `${change.from} ${change.to}` === id : change.type === type && change.id === id;
}

function isTouched(change: HistoryChange, property: string): boolean {
  return (
    !('link' in change) && change.op === 'modify' && (Object.hasOwn(change.set ?? {}, property) || (change.unset ?? []).includes(property))
  );
}

function without(changes: readonly HistoryChange[], skipped: readonly SkippedObject[]): HistoryChange[] {
  return changes.flatMap((change) => {
    const mine = skipped.filter(({ type, id }) => isOf(change, type, id));
    if (mine.length === 0) return [change];
    if ('link' in change || change.op !== 'modify' || mine.some(({ property }) => property === undefined)) return [];
    const gone = new Set(mine.map(({ property }) => property));
    const kept = <V>(values: Record<string, V> | null) =>
      values && Object.fromEntries(Object.entries(values).filter(([name]) => !gone.has(name)));
    const rest = {
      ...change,
      set: kept(change.set),
      before: kept(change.before),
      unset: (change.unset ?? []).filter((name) => !gone.has(name)),
    };
    return Object.keys(rest.set ?? {}).length + rest.unset.length === 0 ? [] : [rest];
  });
}
