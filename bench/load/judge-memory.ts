import { median } from '../statistics.ts';
import { type Sample, watched } from './watch-stack.ts';

export interface MemoryOverTime {
  process: (typeof watched)[number];
  what: 'resident' | 'heap';
  /** Medians of the first and of the last third of a phase, MiB. */
  first: number;
  last: number;
  grows: boolean;
}

const growth = 1.15; // A garbage collector lets memory swing by about as much at a constant rate; a leak of a hundred bytes a lifecycle is more than that in half an hour only where the heap is small, so
const slackMiB = 24; // this is added, which is also what a short phase needs, in which everything is still warming up.

/** Whether a process held more at the end of a phase than at its beginning. */
export function judgeMemory(samples: readonly Sample[]): MemoryOverTime[] {
  const third = Math.ceil(samples.length / 3);
  return watched.flatMap((process) =>
    (['resident', 'heap'] as const).map((what) => {
      const read = (part: readonly Sample[]) => median(part.map((sample) => sample[`${what}MiB`][process]).filter(Number.isFinite));
      const [first, last] = [read(samples.slice(0, third)), read(samples.slice(-third))];
      return { process, what, first, last, grows: !(last <= first * growth + slackMiB) };
    }),
  );
}
