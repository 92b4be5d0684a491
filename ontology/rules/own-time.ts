const ownTimeMs = 30_000; // As an effect function has: seconds are a long time for what only reads, and who shares the process waits no longer for its connection.

/** That a function took more time than it has. */
export class OutOfTime extends Error {}

/** Does a read, and stops the clock meanwhile. @throws {OutOfTime} where there is none left. */
export type Reading = <R>(read: () => Promise<R>) => Promise<R>;

/**
 * Waits for a registered function as long as it has time of its own, which stands still while it waits for what it reads: a slow database is not its fault. One that never returned
 * would keep its transaction, and with it a connection of the process, for ever. What it does later is not heard of, and reads nothing any more.
 * @throws {OutOfTime}
 */
export async function withinOwnTime<T>(run: (reading: Reading) => Promise<T> | T): Promise<T> {
  let leftMs = ownTimeMs;
  let since = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let reads = 0;
  let isOver = false;
  let giveUp = (_: OutOfTime) => {};
  const outOfTime = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const go = () => {
    since = performance.now();
    timer = setTimeout(() => giveUp(new OutOfTime()), leftMs);
  };
  const timed: Reading = async (read) => {
    if (isOver) throw new OutOfTime();
    if (reads++ === 0) {
      clearTimeout(timer);
      leftMs -= performance.now() - since;
    }
    try {
      if (leftMs <= 0) throw new OutOfTime(); // It never gave the timer its turn.
      return await read();
    } finally {
      if (--reads === 0 && !isOver) go();
    }
  };
  const reading: Reading = (read) => {
    const result = timed(read);
    result.catch(() => undefined); // One that it does not wait for ends no process.
    return result;
  };
  go();
  try {
    return await Promise.race([(async () => run(reading))(), outOfTime]);
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

/** For whoever is told. */
export const outOfTimeWords = `did not return within ${ownTimeMs / 1_000} s`;
