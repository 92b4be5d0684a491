const units: readonly (readonly [letter: RegExp, ms: number])[] = [
  [/P.*?(\d+(?:\.\d+)?)W/, 604_800_000],
  [/P[^T]*?(\d+(?:\.\d+)?)D/, 86_400_000],
  [/T.*?(\d+(?:\.\d+)?)H/, 3_600_000],
  [/T.*?(\d+(?:\.\d+)?)M/, 60_000],
  [/T.*?(\d+(?:\.\d+)?)S/, 1_000],
];

/** Milliseconds of an ISO 8601 duration in weeks, days, hours, minutes and seconds: what an accepted policy holds. */
export function durationMs(duration: string): number {
  const total = units.reduce((sum, [letter, ms]) => sum + Number(letter.exec(duration)?.[1] ?? 0) * ms, 0);
  if (!(total > 0)) throw new Error('a duration must be longer than nothing');
  return total;
}
