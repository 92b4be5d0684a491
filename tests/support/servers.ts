/**
 * The servers one test run shares: PostgreSQL, Temporal and Kafka, each started only when a test file of this run asks for it, each ending with the run even when
 * it is killed. A DATABASE_URL, TEMPORAL_ADDRESS or KAFKA_BROKERS in the environment is used instead of starting one.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { identify, isRunning } from '../../scripts/bootstrap/process-identity.mjs';
import { startKafkaBroker } from '../../scripts/kafka/kafka-broker.ts';
import { startPostgres } from '../../scripts/postgres/embedded-postgres.ts';
import { startTemporalDevServer } from '../../scripts/temporal/dev-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser connection to the database `postgres` of the run's server; empty when no selected file names support/database. */
    postgresUrl: string;
    /** host:port of the run's Temporal; empty when no selected file names support/temporal. */
    temporalAddress: string;
    /** host:port of the run's Kafka; empty when no selected file names support/kafka. */
    kafkaBrokers: string;
  }
}

const thisRun = identify(process.pid) ?? String(process.pid);
const testsDirectory = dirname(import.meta.dirname);
const runsDirectory = join(testsDirectory, '..', '.exequatur', 'test-runs');

/**
 * Where there is memory to spare the data of the shared PostgreSQL lies in it. Each test file makes a database of six hundred files and drops it, and ext4 looks at every
 * file that was deleted in the last minutes before it makes a new one: a seventh of the whole run.
 */
const inMemory = { directory: join('/dev/shm', `exequatur-test-runs-${userInfo().uid}`), spareBytes: 4 * 1024 ** 3 };

export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = [];
  const needed = await neededServers(project);
  const [postgresUrl, temporalAddress, kafkaBrokers] = await Promise.all([
    needed.postgres ? postgres(stops) : '',
    needed.temporal ? temporal(stops) : '',
    needed.kafka ? kafka(stops) : '',
  ]);
  project.provide('postgresUrl', postgresUrl);
  project.provide('temporalAddress', temporalAddress);
  project.provide('kafkaBrokers', kafkaBrokers);
  process.env.EXEQUATUR_TEST_POSTGRES_URL = postgresUrl;
  process.env.EXEQUATUR_TEST_TEMPORAL_ADDRESS = temporalAddress;
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
    for (const runs of [runsDirectory, inMemory.directory]) rmSync(join(runs, thisRun), { recursive: true, force: true });
  };
}

async function postgres(stops: (() => Promise<void>)[]): Promise<string> {
  if (process.env.DATABASE_URL) return process.env.DATABASE_URL;
  const directory = join(runDirectory(hasMemoryToSpare() ? inMemory.directory : runsDirectory), 'postgres');
  const server = await startPostgres({ directory, disposable: true });
  stops.push(async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return server.url;
}

async function kafka(stops: (() => Promise<void>)[]): Promise<string> {
  if (process.env.KAFKA_BROKERS) return process.env.KAFKA_BROKERS;
  const directory = join(runDirectory(runsDirectory), 'kafka');
  const broker = await startKafkaBroker({ directory });
  stops.push(async () => {
    await broker.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return broker.address;
}

async function temporal(stops: (() => Promise<void>)[]): Promise<string> {
  if (process.env.TEMPORAL_ADDRESS) return process.env.TEMPORAL_ADDRESS;
  const server = await startTemporalDevServer();
  stops.push(() => server.stop());
  return server.address;
}

/** Reads the selected files, and what they import under tests/: a run of pure tests then starts nothing at all. */
async function neededServers(project: TestProject): Promise<{ postgres: boolean; temporal: boolean; kafka: boolean }> {
  const { testFiles } = await project.globTestFiles(selection());
  const texts = new Map<string, string>();
  for (const file of testFiles) readWithImports(file, texts);
  const names = (server: string) =>
    [...texts.values()].some((text) => text.includes(`support/${server}`) || text.includes(`./${server}.ts`));
  return { postgres: names('database'), temporal: names('temporal'), kafka: names('kafka') };
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

/** Of this run alone; what runs that were killed have left is removed. */
function runDirectory(runs: string): string {
  mkdirSync(runs, { recursive: true });
  for (const name of readdirSync(runs)) {
    if (!isRunning(name)) rmSync(join(runs, name), { recursive: true, force: true });
  }
  const directory = join(runs, thisRun);
  mkdirSync(directory, { recursive: true });
  return directory;
}

function hasMemoryToSpare(): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(inMemory.directory));
    return bavail * bsize >= inMemory.spareBytes;
  } catch {
    return false;
  }
}
