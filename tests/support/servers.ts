/**
 * The servers one test run shares: PostgreSQL and Temporal, each started only when a test file of this run asks for it, each ending with the run even when
 * it is killed. A DATABASE_URL or TEMPORAL_ADDRESS in the environment is used instead of starting one.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { identify, isRunning } from '../../scripts/bootstrap/process-identity.mjs';
import { startPostgres } from '../../scripts/postgres/embedded-postgres.ts';
import { startTemporalDevServer } from '../../scripts/temporal/dev-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser connection to the database `postgres` of the run's server; empty when no selected file names support/database. */
    postgresUrl: string;
    /** host:port of the run's Temporal; empty when no selected file names support/temporal. */
    temporalAddress: string;
  }
}

const testsDirectory = dirname(import.meta.dirname);
const runsDirectory = join(testsDirectory, '..', '.exequatur', 'test-runs');

export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = [];
  const needed = await neededServers(project);
  const [postgresUrl, temporalAddress] = await Promise.all([
    needed.postgres ? postgres(stops) : '',
    needed.temporal ? temporal(stops) : '',
  ]);
  project.provide('postgresUrl', postgresUrl);
  project.provide('temporalAddress', temporalAddress);
  process.env.EXEQUATUR_TEST_POSTGRES_URL = postgresUrl;
  process.env.EXEQUATUR_TEST_TEMPORAL_ADDRESS = temporalAddress;
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}

async function postgres(stops: (() => Promise<void>)[]): Promise<string> {
  if (process.env.DATABASE_URL) return process.env.DATABASE_URL;
  removeAbandonedRuns();
  const directory = join(runsDirectory, identify(process.pid) ?? String(process.pid));
  mkdirSync(directory, { recursive: true });
  const server = await startPostgres({ directory: join(directory, 'postgres'), disposable: true });
  stops.push(async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return server.url;
}

async function temporal(stops: (() => Promise<void>)[]): Promise<string> {
  if (process.env.TEMPORAL_ADDRESS) return process.env.TEMPORAL_ADDRESS;
  const server = await startTemporalDevServer();
  stops.push(() => server.stop());
  return server.address;
}

/** Reads the selected files, and what they import under tests/: a run of pure tests then starts nothing at all. */
async function neededServers(project: TestProject): Promise<{ postgres: boolean; temporal: boolean }> {
  const { testFiles } = await project.globTestFiles(selection());
  const texts = new Map<string, string>();
  for (const file of testFiles) readWithImports(file, texts);
  const names = (word: string) => [...texts.values()].some((text) => text.includes(word));
  return { postgres: names('support/database') || names('./database.ts'), temporal: names('support/temporal') || names('./temporal.ts') };
}

function readWithImports(file: string, texts: Map<string, string>): void {
  if (texts.has(file) || !existsSync(file)) return;
  const text = readFileSync(file, 'utf8');
  texts.set(file, text);
  for (const [, path = ''] of text.matchAll(/from '(\.[^']+\.ts)'/g)) {
    const imported = join(dirname(file), path);
    if (imported.startsWith(testsDirectory)) readWithImports(imported, texts);
  }
}

/** The file filters of the command line: everything after `run` that is not an option. */
function selection(): string[] {
  return process.argv.slice(2).filter((word) => /[/.]/.test(word) && !word.startsWith('-'));
}

function removeAbandonedRuns(): void {
  mkdirSync(runsDirectory, { recursive: true });
  for (const name of readdirSync(runsDirectory)) {
    if (!isRunning(name)) rmSync(join(runsDirectory, name), { recursive: true, force: true });
  }
}
