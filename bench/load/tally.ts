/** What became of what arrived in one phase. Times are milliseconds from the instant that was meant. */
export interface Tally {
  arrived: number;
  /** Ids of the proposals that were answered with 201 or 202. */
  accepted: string[];
  /** Until the simulated proposal was known. */
  propose: number[];
  /** From then until the execution was known, whatever was turned away in between. */
  approveToExecuted: number[];
  whole: number[];
  /** Answers by status: proposals that were turned away, and later calls of accepted ones, which are sent again. */
  turned: { proposals: Record<number, number>; later: Record<number, number> };
  /** Answers 429 or 503 that do not say when to come back. */
  withoutRetryAfter: number;
  /** What should not have happened, in words; the first few. */
  broken: string[];
  brokenCount: number;
}

export function newTally(): Tally {
  return {
    arrived: 0,
    accepted: [],
    propose: [],
    approveToExecuted: [],
    whole: [],
    turned: { proposals: {}, later: {} },
    withoutRetryAfter: 0,
    broken: [],
    brokenCount: 0,
  };
}

const keptWords = 5;

export function noteBroken(tally: Tally, words: string): void {
  tally.brokenCount++;
  if (tally.broken.length < keptWords) tally.broken.push(words);
}

export function noteTurned(tally: Tally, of: keyof Tally['turned'], status: number, retryAfter: number | undefined): void {
  tally.turned[of][status] = (tally.turned[of][status] ?? 0) + 1;
  if (retryAfter === undefined || !(retryAfter >= 1)) tally.withoutRetryAfter++;
}
