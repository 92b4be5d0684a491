const longestAskedMs = 5 * 60_000;
const firstPauseMs = 500;
const usualPauseMs = 60_000;

/** How long until the next attempt after that of this number: doubles up to a minute, spread over its upper half, so that many that failed together do not come back together. */
export function pauseMs(number: number): number {
  const most = Math.min(usualPauseMs, firstPauseMs * 2 ** Math.min(number, 10));
  return Math.round(most / 2 + (Math.random() * most) / 2);
}

/**
 * The same after an answer that says how long to stay away, which is heeded up to five minutes. Our own pause comes on top: a receiver says the same to many at once, and one that
 * says nought, or an instant that is past, would else be asked again without a pause, where it is an undo for ever.
 */
export function askedPauseMs(number: number, askedMs: number): number {
  return Math.min(Math.max(0, askedMs), longestAskedMs) + pauseMs(number);
}
