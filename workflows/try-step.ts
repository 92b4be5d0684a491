import { isCancellation, setCurrentDetails, sleep } from '@temporalio/workflow';

const troubleMs = 5 * 60_000; // As for proposals: seldom enough to keep the history short, soon enough to need no one once the defect is mended.

/** Takes a step of a workflow on definitions. One that keeps failing is said to do so, and null after a pause; whoever asks takes it again. */
export async function tryStep<T>(what: string, step: () => Promise<T>): Promise<{ outcome: T } | null> {
  try {
    return { outcome: await step() };
  } catch (failure) {
    if (isCancellation(failure)) throw failure;
    setCurrentDetails(`**${what} keeps failing**; the worker's log says why. It is tried again in a while.`);
    await sleep(troubleMs, { summary: 'trouble: try again' });
    return null;
  }
}
