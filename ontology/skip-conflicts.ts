import { idOfLink } from './edit-builder.ts';
import type { HistoryChange } from './evaluate-revert.ts';
import { isLink, keepParts, partsOf, wholeObject } from './parts-of-change.ts';
import type { Fault, Plan, SimulationOutcome } from './plan.ts';

interface SkippedObject {
  type: string;
  id: string;
  property?: string;
}

/** Each round leaves out what stood in the way of the one before; what then stands in the way of the rest, since it depends on that, is found by the next. Chains of objects that depend on each other are shorter. */
const mostRounds = 100;

/**
 * Evaluates a revert without what stands in the way of it, object by object and property by property: what others changed since, a unique value that somebody else has by now, what refers to what is gone
 * or is referred to itself, and what depends on these. Where something stands in the way that is no part of it, or nothing is left, of what it did outside neither, the answer is that of the whole.
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
    const found = concerned(outcome.faults, left);
    for (const one of found) skipped.push(one);
    left = without(left, found);
    if (found.length === 0) return whole;
    outcome = await evaluate(left);
  }
  if (outcome.kind === 'invalid' || doesNothing(outcome.simulation.plan)) return whole;
  if (skipped.length > 0) outcome.simulation.summary.skipped = { count: skipped.length, objects: skipped.slice(0, mostShown) };
  return outcome;
}

const mostShown = 100;

function doesNothing({ edits, header }: Plan): boolean {
  return edits.length === 0 && (header.effects ?? []).length === 0;
}

/** What of the changes the faults name, each once: of what was made or deleted the whole, whatever property it is about. */
function concerned(faults: readonly Fault[], changes: readonly HistoryChange[]): SkippedObject[] {
  const known = new Map(changes.map((change) => [keyOf(nameOf(change)), change]));
  const found = new Map<string, SkippedObject>();
  for (const { type, id, property } of faults.flatMap(({ objects = [] }) => objects)) {
    const change = known.get(keyOf({ type, id }));
    if (change === undefined) continue;
    const isPart = property !== undefined && !isLink(change) && change.op === 'modify';
    if (isPart && !partsOf(change).includes(property)) continue;
    const skipped = { type, id, ...(isPart ? { property } : {}) };
    found.set(keyOf(skipped), skipped);
  }
  return [...found.values()];
}

function without(changes: readonly HistoryChange[], skipped: readonly SkippedObject[]): HistoryChange[] {
  const gone = new Set(skipped.map(keyOf));
  return keepParts(changes, (change, part) => {
    const name = nameOf(change);
    return !gone.has(keyOf(name)) && (part === wholeObject || !gone.has(keyOf({ ...name, property: part })));
  });
}

function nameOf(change: HistoryChange): SkippedObject {
  return isLink(change) ? { type: change.link, id: idOfLink(change.from, change.to) } : { type: change.type, id: change.id };
}

function keyOf({ type, id, property = wholeObject }: SkippedObject): string {
  return JSON.stringify([type, id, property]);
}
