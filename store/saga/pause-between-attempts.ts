export const longestPauseMs = 5 * 60_000; // Of those that a receiver asks for.
const firstPauseMs = 500;
const usualPauseMs = 60_000;

/** How long until the next attempt after that of this number: doubles up to a minute, spread over its upper half, so that many that failed together do not come back together. */
export function pauseMs(number: number): number {
  const most = Math.min(usualPauseMs, firstPauseMs * 2 ** Math.min(number, 10));
  return Math.round(most / 2 + (Math.random() * most) / 2);
}
