import { readdirSync, readFileSync } from 'node:fs';

/** Processor time of one process so far, in milliseconds, the part of the whole that it is, and which process began it. */
interface Used {
  part: string;
  ms: number;
  parent: string;
}

export type ProcessorTimes = ReadonlyMap<string, Used>;

const msPerTick = 10; // The unit of /proc/<pid>/stat, USER_HZ, is 100 to the second on every Linux that Node runs on.

/** This process and all that it began, by their ids: others may be at work on the machine. Linux only: elsewhere there is none to read. */
export function readProcessorTimes(): ProcessorTimes {
  const times = readAll();
  const isOurs = (pid: string): boolean => {
    const parent = times.get(pid)?.parent;
    return pid === String(process.pid) || (parent !== undefined && isOurs(parent));
  };
  return new Map([...times].filter(([pid]) => isOurs(pid)));
}

function readAll(): Map<string, Used> {
  const times = new Map<string, Used>();
  for (const pid of processIds()) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // The name before it may hold anything.
      const [user = 0, system = 0] = fields.slice(11, 13).map(Number);
      times.set(pid, { part: partOf(command), ms: (user + system) * msPerTick, parent: fields[1] ?? '' });
    } catch {
      // It ended while we looked.
    }
  }
  return times;
}

function processIds(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** By part, what was used between two readings; a process that ended in between is left out. */
export function usedBetween(before: ProcessorTimes, after: ProcessorTimes): Map<string, number> {
  const used = new Map<string, number>();
  for (const [pid, { part, ms }] of after) used.set(part, (used.get(part) ?? 0) + ms - (before.get(pid)?.ms ?? 0));
  return used;
}

const parts: readonly (readonly [RegExp, string])[] = [
  [/^postgres: \S*temporal|^postgres: \S+ temporal/, "Temporal's database"],
  [/^postgres: /, "the product's database"],
  [/api\/server\.mjs/, 'API'],
  [/events\/relay\.mjs/, 'relay'],
  [/worker\.mjs/, 'worker'],
  [/bench\/run\.ts/, 'client'],
  [/temporal/, 'Temporal'],
];

function partOf(command: string): string {
  return parts.find(([pattern]) => pattern.test(command))?.[1] ?? 'anything else';
}
