import type { HistoryChange } from './evaluate-revert.ts';

/** The part of a change that is the object or the link itself: that it was made or deleted. */
export const wholeObject = '$';

/** A property of an object, or `$`; of a link `id` is where it begins and `part` where it ends. */
export interface StandingPart {
  name: string;
  id: string;
  part: string;
}

export function isLink(change: HistoryChange): change is Extract<HistoryChange, { link: string }> {
  return 'link' in change;
}

/** Properties of what was modified; else `$`. */
export function partsOf(change: HistoryChange): string[] {
  return isLink(change) || change.op !== 'modify' ? [wholeObject] : [...Object.keys(change.set ?? {}), ...(change.unset ?? [])];
}

/** Of each change the parts that `keeps` holds; without those of which nothing is left. */
export function keepParts(changes: readonly HistoryChange[], keeps: (change: HistoryChange, part: string) => boolean): HistoryChange[] {
  return changes.flatMap((change): HistoryChange[] => {
    const kept = new Set(partsOf(change).filter((part) => keeps(change, part)));
    if (kept.size === 0) return [];
    if (isLink(change) || change.op !== 'modify') return [change];
    const only = <V>(values: Record<string, V> | null) =>
      values && Object.fromEntries(Object.entries(values).filter(([part]) => kept.has(part)));
    return [
      { ...change, set: only(change.set), before: only(change.before), unset: (change.unset ?? []).filter((part) => kept.has(part)) },
    ];
  });
}

/** Of the changes those parts alone. */
export function onlyParts(changes: readonly HistoryChange[], parts: readonly StandingPart[]): HistoryChange[] {
  const known = new Set(parts.map(keyOf));
  return keepParts(changes, (change, part) =>
    known.has(keyOf(isLink(change) ? { name: change.link, id: change.from, part: change.to } : { name: change.type, id: change.id, part })),
  );
}

function keyOf({ name, id, part }: StandingPart): string {
  return JSON.stringify([name, id, part]);
}
