/** The name that somebody may have meant: the one that takes the fewest letters put in, left out or changed, and not most of them. Null where none comes near. */
export function nearestName(meant: string, names: readonly string[]): string | null {
  const most = Math.min(mostChanges, Math.floor(meant.length / 2));
  const near = names
    .filter((name) => Math.abs(name.length - meant.length) <= most)
    .map((name) => ({ name, changes: changesBetween(meant, name) }))
    .filter(({ changes }) => changes <= most)
    .sort((left, right) => left.changes - right.changes);
  return near[0]?.name ?? null;
}

const mostChanges = 2; // With three, short names are near to names that have nothing to do with them.

/** Levenshtein's distance, without regard to case. */
function changesBetween(left: string, right: string): number {
  const from = left.toLowerCase();
  const to = right.toLowerCase();
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
