import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Notice } from './tests-that-notice.ts';

export interface Meeting {
  /** Of the test file and of what tests share. */
  digest: string;
  seconds: number;
  /** Keys of checks. */
  met: string[];
  /** Of each file and function in which it met something, what its text was: another text has other checks. */
  texts: Record<string, string>;
  /** The test that fails with the marks in place, though no check is missing: what it meets after that is not known. */
  fails: string | null;
}

/** What a run that was ended leaves to the next. */
export interface Memory {
  meetings: Record<string, Meeting>;
  /** By check: who noticed that it was gone. */
  noticed: Record<string, Notice>;
  /** By check: the digests of the test files that did not notice. */
  passed: Record<string, Record<string, string>>;
  /** How long checks have been removed, in all runs and lanes. */
  seconds: number;
}

const path = '.exequatur/removed-checks.json';
const nothing: Memory = { meetings: {}, noticed: {}, passed: {}, seconds: 0 };

export function read(): Memory {
  try {
    return { ...structuredClone(nothing), ...(JSON.parse(readFileSync(path, 'utf8')) as Partial<Memory>) };
  } catch {
    return structuredClone(nothing);
  }
}

export function write(memory: Memory): void {
  mkdirSync('.exequatur', { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify(memory));
  renameSync(`${path}.new`, path);
}
