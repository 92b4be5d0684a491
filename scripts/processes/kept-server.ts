/** Keeps a server of ours running: when it ends without having been asked, it is started again where it was, over the same state. */
import { say } from '../bootstrap/progress.mjs';

export interface RunningServer {
  /** Settles when the server has ended, with words for why. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

const mostDeaths = 5; // Within the time below: somebody who kills it by hand is slower, a server that cannot live is faster.
const withinMs = 60_000;

/**
 * `start` gets the server that has ended, for its port. The answer is the first server; its `ended` settles when the server has died too often, or could not be
 * started again.
 */
export async function keepServer<S extends RunningServer>(name: string, start: (former?: S) => Promise<S>): Promise<S> {
  const first = await start();
  let current = first;
  let stopping = false;
  const deaths: number[] = [];

  const keep = async (): Promise<string> => {
    for (;;) {
      const why = await current.ended;
      if (stopping) return why;
      const now = Date.now();
      deaths.push(now);
      if (deaths.filter((at) => now - at < withinMs).length >= mostDeaths) return `${why}, ${mostDeaths} times within a minute`;
      say(`${name} ${why}; starting it again`);
      try {
        current = await start(current);
      } catch (error) {
        return `${why} and did not come back: ${error instanceof Error ? error.message : error}`;
      }
      // It may have been asked to stop meanwhile, when there was nothing to stop.
      if (stopping) await current.stop();
    }
  };
  const ended = keep();
  return {
    ...first,
    ended,
    async stop() {
      stopping = true;
      await current.stop();
      await ended;
    },
  };
}
