/**
 * Builds programs in Go into the cache. They appear under their final name whole or not at all: a killed build leaves nothing that looks finished,
 * and of two builds at once the second waits and finds the first one's result.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../bootstrap/lock-file.mjs';
import { run, withProgress } from '../bootstrap/progress.mjs';
import { cacheDirectory } from './cache-directory.ts';
import { findProgram, isProgram } from './find-program.ts';

export interface GoPrograms {
  /** Folder in the cache; carries the version, so that another version is another folder. */
  folder: string;
  version: string;
  /** Program name -> package path. */
  packages: Readonly<Record<string, string>>;
  /** For the person who waits. */
  expected: string;
}

/** @returns program name -> full path */
export async function installGoPrograms(wanted: GoPrograms): Promise<Record<string, string>> {
  const directory = cacheDirectory(wanted.folder);
  const paths = Object.fromEntries(Object.keys(wanted.packages).map((name) => [name, join(directory, name)]));
  const missing = () => Object.keys(paths).filter((name) => !isProgram(join(directory, name)));
  if (missing().length === 0) return paths;
  await withLock(`${directory}.lock`, `building ${wanted.folder}`, async () => {
    for (const name of missing()) await build(directory, name, wanted);
  });
  return paths;
}

/**
 * Builds a program whose source, a module in one folder, is in this repository; anew where any of its files has changed.
 * @returns its full path
 */
export async function buildGoProgram(name: string, source: string, expected: string): Promise<string> {
  const hash = createHash('sha256');
  for (const file of readdirSync(source).sort()) hash.update(`${file}\n`).update(readFileSync(join(source, file)));
  const directory = cacheDirectory(`${name}-${hash.digest('hex').slice(0, 12)}`);
  const program = join(directory, name);
  await withLock(`${directory}.lock`, `building ${name}`, async () => {
    if (isProgram(program)) return;
    await finish(directory, name, (go, unfinished) =>
      withProgress(`building ${name} (go build; ${expected})`, () => run(go, ['build', '-C', source, '-o', join(unfinished, name), '.'])),
    );
  });
  return program;
}

async function build(directory: string, name: string, wanted: GoPrograms): Promise<void> {
  const target = `${wanted.packages[name]}@${wanted.version}`;
  await finish(directory, name, (go, unfinished) =>
    withProgress(`building ${name} (go install ${target}; ${wanted.expected})`, () =>
      run(go, ['install', target], { env: { ...process.env, GOBIN: unfinished } }),
    ),
  );
}

/** Has a program built elsewhere and moves it to its place. */
async function finish(directory: string, name: string, make: (go: string, unfinished: string) => Promise<unknown>): Promise<void> {
  const go = findProgram('go') ?? ['/usr/local/go/bin/go', '/usr/lib/go/bin/go'].find(isProgram);
  if (!go) throw new Error(`Building ${name} needs Go (https://go.dev/dl), which is not on the PATH.`);
  const unfinished = `${directory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  mkdirSync(directory, { recursive: true });
  await make(go, unfinished);
  renameSync(join(unfinished, name), join(directory, name));
  rmSync(unfinished, { recursive: true, force: true });
}
