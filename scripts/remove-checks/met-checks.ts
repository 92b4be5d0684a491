/** Which test file meets which check, found by running each file once with all checks marked. A check that no test meets is missed by none; and the few that meet it are all that need to run without it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { digestOf } from '../../ontology/canonical-json.ts';
import { markedFunction, markedSource, markingFunctions, metSource } from './mark-checks.ts';
import { type Meeting, type Memory, write } from './memory.ts';
import type { Checked } from './removal.ts';
import { firstFailure } from './tests-that-notice.ts';
import { onDatabase, Workshop } from './workshop.ts';

const folders = ['policy', 'ontology', 'store'];
const testFolders = ['database', 'governance', 'store', 'api', 'effects', 'evidence', 'schedules', 'trust', 'workflows'].map(
  (name) => `tests/${name}`,
);
/** Long, and about other things. */
const leftOut = /fuzz|evaluator-agreement|expression-cost|replay|record-histories|stale-reads-cost|change-sets\.test|overload|index-build/;

/** Of every test file that could notice: what it meets, how long it takes, and whether it passes with the marks in place. What has not changed since is remembered. */
export async function meetings(
  checked: readonly Checked[],
  root: string,
  memory: Memory,
  { lanes, isMeant }: { lanes: number; isMeant: (path: string) => boolean },
): Promise<Map<string, Meeting>> {
  const texts = checked.map(({ text }) => text);
  const files = [...testFolders, ...folders]
    .flatMap((folder) => testFilesIn(root, folder))
    .filter((path) => isMeant(path) && !leftOut.test(path) && mayMeet(root, path, checked));
  const digests = new Map(
    files.map((path) => [path, digestOf({ texts, support: supportOf(root, path), test: readFileSync(join(root, path), 'utf8') })]),
  );
  const unknown = files.filter((path) => memory.meetings[path]?.digest !== digests.get(path));
  if (unknown.length > 0) console.log(`running ${unknown.length} test files once to see which checks they meet`);
  const take = async (number: number) => {
    const workshop = await markedWorkshop(checked, number);
    try {
      for (let path = unknown.shift(); path !== undefined; path = unknown.shift()) {
        const meeting = await meetingOf(workshop, path, digests.get(path) ?? '');
        memory.meetings[path] = meeting;
        write(memory);
        console.log(
          `${path} meets ${meeting.met.length} in ${meeting.seconds.toFixed(0)} s${meeting.fails === null ? '' : `, and fails: ${meeting.fails}`}`,
        );
      }
    } finally {
      await workshop.close();
    }
  };
  if (unknown.length > 0) await Promise.all(Array.from({ length: lanes }, (_, number) => take(100 + number)));
  return new Map(files.flatMap((path): [string, Meeting][] => (memory.meetings[path] ? [[path, memory.meetings[path]]] : [])));
}

async function markedWorkshop(checked: readonly Checked[], number: number): Promise<Workshop> {
  const workshop = await Workshop.open(number);
  for (const one of checked) if (one.lane !== 'door') workshop.write(one.where, markedSource(one));
  workshop.write('met-check.mjs', metSource);
  const door = checked.filter(({ lane }) => lane === 'door');
  await workshop.inTemplate(async (client) => {
    await client.query('CREATE SCHEMA met; GRANT USAGE ON SCHEMA met TO PUBLIC');
    for (const one of door) await client.query(markingFunctions(one));
    for (const one of door) await client.query(markedFunction(one));
  });
  await onDatabase(workshop.url, 'postgres', "ALTER SYSTEM SET track_functions = 'pl'");
  await onDatabase(workshop.url, 'postgres', 'SELECT pg_reload_conf()');
  // What a test has called is counted in its database, which therefore stays until it has been read.
  const support = 'tests/support/database.ts';
  const drop = /await onServer\(server, \(client\) => client\.query\(`DROP DATABASE IF EXISTS \$\{name\} WITH \(FORCE\)`\)\);/;
  if (!drop.test(workshop.read(support))) throw new Error(`${support} drops its databases in other words`);
  workshop.write(support, workshop.read(support).replace(drop, ''));
  return workshop;
}

async function meetingOf(workshop: Workshop, path: string, digest: string): Promise<Meeting> {
  workshop.write('met', '');
  const env = { MET_CHECKS: join(workshop.root, 'met'), NODE_OPTIONS: `--import=${join(workshop.root, 'met-check.mjs')}` };
  const from = performance.now();
  const failure = await firstFailure(workshop.root, [path], workshop.url, { toTheEnd: true, env });
  const seconds = (performance.now() - from) / 1_000;
  const met = new Set([...workshop.read('met').split('\n').filter(Boolean), ...(await metInDatabases(workshop.url))]);
  return { digest, seconds, met: [...met].sort(), fails: failure === null ? null : failure.test };
}

async function metInDatabases(server: string): Promise<string[]> {
  const { rows } = await onDatabase<{ datname: string }>(server, 'postgres', `SELECT datname FROM pg_database WHERE datname LIKE 't\\_%'`);
  const met: string[] = [];
  for (const { datname } of rows) {
    const hits = await onDatabase<{ key: string }>(
      server,
      datname,
      `SELECT substr(funcname, 5) AS key FROM pg_stat_user_functions WHERE schemaname = 'met' AND funcname LIKE 'hit\\_%' AND calls > 0`,
    );
    met.push(...hits.rows.map(({ key }) => key));
    await onDatabase(server, 'postgres', `DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
  }
  return met;
}

function testFilesIn(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `${folder}/${name}`);
}

/** A pure test beside the code meets what it imports. */
function mayMeet(root: string, path: string, checked: readonly Checked[]): boolean {
  if (path.startsWith('tests/')) return true;
  const text = readFileSync(join(root, path), 'utf8');
  return checked.some(({ where }) => text.includes(`/${basename(where)}'`));
}

/** What tests share: what is beside them, and what speaks to servers and makes the usual tenant. */
function supportOf(root: string, path: string): string[] {
  if (!path.startsWith('tests/')) return [];
  return [...new Set(['tests/support', 'tests/store', 'tests/database', dirname(path)])].sort().flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|json)$/.test(name) && !/\.test\.ts$|\.history\.json$/.test(name))
      .sort()
      .map((name) => readFileSync(join(root, folder, name), 'utf8')),
  );
}
