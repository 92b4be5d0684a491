/**
 * Removes each check of the gate, of the store that asks it, and of the door, one at a time, and runs the tests that could notice. Prints which test did, and ends with 1
 * where none does. Works on a copy of the sources and a database server of its own. What was noticed is remembered, so that a run that was ended goes on.
 *
 * Usage: npm run remove-checks -- [--only <text> ...] [--minutes <n>] [--groups <n>] [--afresh] [--list]
 * --groups: how many groups of tests to try, of three: the likely ones, more of them, all.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { digestOf } from '../ontology/canonical-json.ts';
import { startPostgres } from './postgres/embedded-postgres.ts';
import { doorChecks } from './remove-checks/door-checks.ts';
import { likelyTests } from './remove-checks/likely-tests.ts';
import { redundantChecks } from './remove-checks/redundant-checks.ts';
import { nameOf, type Removal } from './remove-checks/removal.ts';
import { sourceChecks } from './remove-checks/source-checks.ts';
import { firstFailure, type Notice } from './remove-checks/tests-that-notice.ts';

const { values: wishes } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [''] },
    minutes: { type: 'string', default: '600' },
    afresh: { type: 'boolean', default: false },
    groups: { type: 'string', default: '3' },
    list: { type: 'boolean', default: false },
  },
});
const memory = '.exequatur/removed-checks.json';
/** By place: tests that noticed one removal there are likely to notice the next. */
const lastNoticed = new Map<string, string>();
const endAtMs = Date.now() + Number(wishes.minutes) * 60_000;

const root = mkdtempSync(join(tmpdir(), 'remove-checks-'));
const server = await startPostgres({
  directory: join(process.cwd(), '.exequatur', 'remove-checks', String(process.pid)),
  disposable: true,
});
try {
  process.exitCode = await removeAll();
} finally {
  await server.stop();
  rmSync(root, { recursive: true, force: true });
  rmSync(join('.exequatur', 'remove-checks', String(process.pid)), { recursive: true, force: true });
}

async function removeAll(): Promise<number> {
  copySources();
  const template = await makeTemplate();
  const removals = [...sourceChecks(root), ...(await inDatabase(template, doorChecks))].filter((one) =>
    wishes.only.some((text) => nameOf(one).includes(text)),
  );
  if (wishes.list) {
    for (const removal of removals) console.log(nameOf(removal));
    console.log(`${removals.length} checks`);
    return 0;
  }
  const known = wishes.afresh ? {} : readMemory();
  const counts = { noticed: 0, redundant: 0, survived: 0, left: 0 };
  for (const removal of removals) {
    const key = digestOf({ name: nameOf(removal), without: removal.without });
    const noticed = known[key] ?? (Date.now() < endAtMs ? await noticeOf(removal, template) : undefined);
    if (noticed) writeMemory(key, noticed);
    counts[sayWhatCame(removal, noticed)] += 1;
  }
  console.log(
    `${removals.length} checks: ${counts.noticed} missed by a test when gone, ${counts.redundant} redundant, ${counts.survived} SURVIVED, ${counts.left} not tried`,
  );
  return counts.survived + counts.left === 0 ? 0 : 1;
}

function sayWhatCame(removal: Removal, noticed: Notice | null | undefined): 'noticed' | 'redundant' | 'survived' | 'left' {
  const name = nameOf(removal);
  if (noticed === undefined) return 'left';
  if (noticed !== null) {
    console.log(`${name}\n    ${noticed.file}: ${noticed.test}`);
    return 'noticed';
  }
  const redundant = redundantChecks.find((one) => name.startsWith(one.name));
  console.log(redundant === undefined ? `${name}\n    SURVIVED` : `${name}\n    redundant: ${redundant.because}`);
  return redundant === undefined ? 'survived' : 'redundant';
}

/** Both sides are put back whatever happens: the next removal begins from all checks. */
async function noticeOf(removal: Removal, template: string): Promise<Notice | null> {
  const restore = removal.lane === 'door' ? await replaceFunction(removal, template) : replaceFile(removal);
  try {
    for (const files of likelyTests(root, removal, lastNoticed.get(removal.where)).slice(0, Number(wishes.groups))) {
      let failure = await firstFailure(root, files, server.url);
      if (failure?.timedOut) failure = await firstFailure(root, [failure.file], server.url);
      if (failure === null || failure.timedOut) continue;
      lastNoticed.set(removal.where, failure.file);
      return failure;
    }
    return null;
  } finally {
    await restore();
  }
}

function replaceFile({ where, without }: Removal): () => void {
  const path = join(root, where);
  const whole = readFileSync(path, 'utf8');
  writeFileSync(path, without);
  return () => writeFileSync(path, whole);
}

/** In the template, of which each test file gets a clone. Replacing keeps owner and grants. */
async function replaceFunction({ where, without }: Removal, template: string): Promise<() => Promise<unknown>> {
  const whole = await inDatabase(template, async (client) => {
    const { rows } = await client.query<{ text: string }>(
      `SELECT pg_get_functiondef(p.oid) AS text FROM pg_proc p WHERE p.pronamespace = 'exequatur'::regnamespace AND p.proname = $1`,
      [where.slice(0, -2)],
    );
    if (rows.length !== 1) throw new Error(`${where} is ${rows.length} functions`);
    await client.query(without);
    return rows[0]?.text ?? '';
  });
  return () => inDatabase(template, (client) => client.query(whole));
}

/** The first test to need a database makes it; that this one passes also says that the copy works. */
async function makeTemplate(): Promise<string> {
  const failure = await firstFailure(root, ['tests/database/door-bytes.test.ts', 'policy/decide.test.ts'], server.url);
  if (failure !== null) throw new Error(`with all checks in place this fails: ${failure.file}: ${failure.test}`);
  return inDatabase('postgres', async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      `SELECT datname FROM pg_database WHERE datistemplate AND datname LIKE 'exq_%'`,
    );
    return rows[0]?.datname ?? '';
  });
}

async function inDatabase<T>(name: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function copySources(): void {
  const left = new Set(['node_modules', '.git', '.exequatur', 'dist']);
  cpSync(process.cwd(), root, { recursive: true, filter: (path) => !left.has(relative(process.cwd(), path)) });
  symlinkSync(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
}

function readMemory(): Record<string, Notice> {
  try {
    return JSON.parse(readFileSync(memory, 'utf8')) as Record<string, Notice>;
  } catch {
    return {};
  }
}

function writeMemory(key: string, notice: Notice): void {
  mkdirSync('.exequatur', { recursive: true });
  writeFileSync(memory, JSON.stringify({ ...readMemory(), [key]: notice }));
}
