import type pg from 'pg';
import type { Stack } from '../../scripts/stack/start-stack.ts';

export const watched = ['api', 'worker', 'relay'] as const;
type Watched = (typeof watched)[number];

/** How everything stood at one instant. */
export interface Sample {
  /** performance.now() */
  at: number;
  residentMiB: Record<Watched, number>;
  heapMiB: Record<Watched, number>;
  /** Proposals at which it is the engine's turn, not a person's. */
  enginesTurn: number;
  /** Nudges that have not reached Temporal. */
  nudges: number;
}

export interface Watch {
  readonly samples: Sample[];
  /** Probes that were answered otherwise than it was, or not in time. Nothing of the stack is ever away here, so each is to say that it is well. */
  readonly untruthful: string[];
  readonly probes: number[];
  backlog(): Promise<Pick<Sample, 'enginesTurn' | 'nudges'>>;
  stop(): Promise<void>;
}

const everyMs = 1_000;
const probeLimitMs = 5_000; // Longer than an orchestrator waits before it calls a process dead.

/** Looks at health, memory and backlog once a second, as whoever operates it would, until told to stop. */
export function watchStack({ operationsUrls }: Pick<Stack, 'operationsUrls'>, superuser: pg.Pool): Watch {
  const samples: Sample[] = [];
  const untruthful: string[] = [];
  const probes: number[] = [];
  const backlog = () => readBacklog(superuser);

  const probe = async (process: Watched, path: string): Promise<void> => {
    const from = performance.now();
    const status = await fetch(`${operationsUrls[process]}${path}`, { signal: AbortSignal.timeout(probeLimitMs) }).then(
      async (response) => `${response.status} ${response.ok ? '' : await response.text()}`.trim(),
      (error: Error) => error.name,
    );
    probes.push(performance.now() - from);
    if (status !== '200') untruthful.push(`${process} ${path}: ${status}`);
  };
  const look = async (): Promise<void> => {
    await Promise.all(watched.flatMap((process) => [probe(process, '/livez'), probe(process, '/readyz')]));
    const memory = await Promise.all(watched.map((process) => readMemory(operationsUrls[process])));
    const by = (what: 'resident' | 'heap') => Object.fromEntries(watched.map((process, at) => [process, memory[at]?.[what] ?? Number.NaN]));
    samples.push({
      at: performance.now(),
      residentMiB: by('resident') as Sample['residentMiB'],
      heapMiB: by('heap') as Sample['heapMiB'],
      ...(await backlog()),
    });
  };

  let stopped = false;
  let wake = () => {};
  const looking = (async () => {
    while (!stopped) {
      const from = performance.now();
      await look().catch((error: Error) => console.log(`no sample was taken: ${error.message}`));
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, Math.max(0, everyMs - (performance.now() - from)));
      });
    }
  })();
  return {
    samples,
    untruthful,
    probes,
    backlog,
    async stop() {
      stopped = true;
      wake();
      await looking;
    },
  };
}

async function readMemory(url: string): Promise<{ resident: number; heap: number }> {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(probeLimitMs) })).text();
  const read = (name: string) => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]) / 2 ** 20;
  return { resident: read('process_resident_memory_bytes'), heap: read('nodejs_heap_size_used_bytes') };
}

async function readBacklog(superuser: pg.Pool): Promise<{ enginesTurn: number; nudges: number }> {
  const { rows } = await superuser.query<{ enginesTurn: number; nudges: number }>(
    `SELECT (SELECT count(*)::int FROM exequatur.nudge WHERE delivered_at IS NULL) AS nudges,
            (SELECT count(*)::int FROM exequatur.tenant t JOIN exequatur.proposal p ON p.tenant_id = t.tenant_id AND p.status IN ('simulating', 'approved', 'executing')) AS "enginesTurn"`,
  );
  return rows[0] ?? { enginesTurn: 0, nudges: 0 };
}
