import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Notice } from './tests-that-notice.ts';

export interface Meeting {
  /** Of the test file, of what tests share, and of all that is checked. */
  digest: string;
  seconds: number;
  /** Keys of checks. */
  met: string[];
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
}

const path = '.exequatur/removed-checks.json';

export function read(): Memory {
  try {
    return { meetings: {}, noticed: {}, passed: {}, ...(JSON.parse(readFileSync(path, 'utf8')) as Partial<Memory>) };
  } catch {
    return { meetings: {}, noticed: {}, passed: {} };
  }
}

export function write(memory: Memory): void {
  mkdirSync('.exequatur', { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify(memory));
  renameSync(`${path}.new`, path);
}
