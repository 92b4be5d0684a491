import type { Meeting, Memory } from './memory.ts';
import type { Checked, Removal } from './removal.ts';
import type { Copy } from './test-copies.ts';

export interface Candidate {
  key: string;
  removal: Removal;
  checked: Checked;
}

/** One test file, to run without one check. */
export interface Trial extends Copy {
  without: Candidate;
}

interface Next {
  candidate: Candidate;
  path: string;
  round: number;
}

const perRound = 3;
const lanes = ['gate', 'door', 'store'];
/** Of one run of tests. What is longer loses more when it is ended. */
const secondsOfRun = 90;
const trialsOfRun = 30;

/** What is left to try: of each check the file first that is likely to notice soon; of all checks first those of the gate, then those of the door, and few files of each before many of one. */
export class Queue {
  private readonly waiting: Set<Candidate>;
  private readonly known: ReadonlyMap<string, Meeting>;
  private readonly memory: Memory;
  private readonly whereOf: ReadonlyMap<string, string>;

  constructor(candidates: readonly Candidate[], known: ReadonlyMap<string, Meeting>, memory: Memory) {
    this.waiting = new Set(candidates);
    this.known = known;
    this.memory = memory;
    this.whereOf = new Map(candidates.map(({ key, removal }) => [key, removal.where]));
  }

  get size(): number {
    return this.waiting.size;
  }

  /** Takes as much as one run is worth; each check once, since the second file is not run where the first one notices. */
  take(): Trial[] {
    const chances = this.chances();
    const next = [...this.waiting]
      .flatMap((candidate) => this.nextOf(candidate, chances) ?? [])
      .sort((a, b) => a.round - b.round || lanes.indexOf(a.candidate.removal.lane) - lanes.indexOf(b.candidate.removal.lane));
    const taken: Trial[] = [];
    let seconds = 0;
    for (const { candidate, path } of next) {
      const lasts = this.known.get(path)?.seconds ?? 0;
      if (taken.length > 0 && (seconds + lasts > secondsOfRun || taken.length === trialsOfRun)) break;
      seconds += lasts;
      taken.push({ path, without: candidate });
      this.waiting.delete(candidate);
    }
    return taken;
  }

  giveBack(candidate: Candidate): void {
    this.waiting.add(candidate);
  }

  private nextOf(candidate: Candidate, chances: (where: string, path: string) => number): Next | null {
    const left = filesLeft(candidate.key, this.known, this.memory);
    const worth = (path: string) => chances(candidate.removal.where, path) / (2 + (this.known.get(path)?.seconds ?? 0));
    const [path] = left.sort((a, b) => worth(b) - worth(a));
    if (path === undefined) return null;
    const passed = Object.keys(this.memory.passed[candidate.key] ?? {}).length;
    return { candidate, path, round: Math.floor(passed / perRound) };
  }

  /** How often this file noticed that a check of this place was gone, and any other where it has not been asked yet. */
  private chances(): (where: string, path: string) => number {
    const seen = new Map<string, { noticed: number; tried: number }>();
    const count = (id: string, noticed: 0 | 1) => {
      const before = seen.get(id) ?? { noticed: 0, tried: 0 };
      seen.set(id, { noticed: before.noticed + noticed, tried: before.tried + 1 });
    };
    for (const [key, { file }] of Object.entries(this.memory.noticed))
      for (const id of [file, `${this.whereOf.get(key)} ${file}`]) count(id, 1);
    for (const [key, files] of Object.entries(this.memory.passed))
      for (const file of Object.keys(files)) for (const id of [file, `${this.whereOf.get(key)} ${file}`]) count(id, 0);
    return (where, path) => {
      const usual = seen.get(path) ?? { noticed: 0, tried: 0 };
      const here = seen.get(`${where} ${path}`) ?? { noticed: 0, tried: 0 };
      return (here.noticed + (usual.noticed + 1) / (usual.tried + 2)) / (here.tried + 1);
    };
  }
}

/** The files that meet it and have not passed without it yet. */
export function filesLeft(key: string, known: ReadonlyMap<string, Meeting>, memory: Memory): string[] {
  return [...known].filter(([path, { met, digest }]) => met.includes(key) && memory.passed[key]?.[path] !== digest).map(([path]) => path);
}
