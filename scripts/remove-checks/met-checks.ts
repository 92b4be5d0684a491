/** Which test file meets which check, found by running each file once with all checks marked. A check that no test meets is missed by none; and the few that meet it are all that need to run without it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { digestOf } from '../../ontology/canonical-json.ts';
import { type Meeting, type Memory, write } from './memory.ts';
import { type Checked, keyOf } from './removal.ts';
import { makeMarkedTemplate, runCopies } from './test-copies.ts';
import type { Workshop } from './workshop.ts';

/** What an end of the script loses. */
const filesOfRun = 8;
const folders = ['policy', 'ontology', 'store'];
const testFolders = ['database', 'governance', 'store', 'api', 'effects', 'evidence', 'events', 'schedules', 'trust', 'workflows'].map(
  (name) => `tests/${name}`,
);
/** Long, and about other things; and what compares the functions themselves, which would notice everything. */
const leftOut =
  /fuzz|kafka-|evaluator-agreement|expression-cost|replay|record-histories|stale-reads-cost|change-sets\.test|overload|index-build|database\/functions/;

/** Every test file that could notice, with a digest of it and of what tests share: of another one it is not known what it meets. Asked of sources that are not marked yet. */
export function testFiles(root: string, checked: readonly Checked[], isMeant: (path: string) => boolean): Map<string, string> {
  const files = [...testFolders, ...folders]
    .flatMap((folder) => testFilesIn(root, folder))
    .filter((path) => isMeant(path) && !leftOut.test(path) && mayMeet(root, path, checked));
  return new Map(files.map((path) => [path, digestOf({ support: supportOf(root, path), test: readFileSync(join(root, path), 'utf8') })]));
}

/** Of every test file what it meets, how long it takes, and whether it passes with the marks in place. What has not changed since is remembered. */
export async function meetings(
  digests: ReadonlyMap<string, string>,
  checked: readonly Checked[],
  workshops: readonly Workshop[],
  memory: Memory,
): Promise<Map<string, Meeting>> {
  const files = [...digests.keys()];
  const texts = new Map(checked.map(({ where, text }) => [where, digestOf(text)]));
  const isKnown = ({ digest, texts: seen }: Meeting, path: string) =>
    digest === digests.get(path) && Object.entries(seen).every(([where, text]) => texts.get(where) === text);
  const unknown = files.filter((path) => !memory.meetings[path] || !isKnown(memory.meetings[path], path));
  if (unknown.length > 0) console.log(`running ${unknown.length} test files once to see which checks they meet`);
  const take = async (workshop: Workshop) => {
    if (unknown.length > 0) await makeMarkedTemplate(workshop, checked);
    for (let paths = unknown.splice(0, filesOfRun); paths.length > 0; paths = unknown.splice(0, filesOfRun)) {
      for (const [path, { met, ...seen }] of await whatTheyMeet(workshop, paths)) {
        const where = checked.filter((one) => one.removals.some((removal) => met.includes(keyOf(removal, one.text))));
        const inTexts = Object.fromEntries(where.map((one) => [one.where, digestOf(one.text)]));
        memory.meetings[path] = { ...seen, met, digest: digests.get(path) ?? '', texts: inTexts };
        console.log(
          `${path} meets ${met.length} in ${seen.seconds.toFixed(0)} s${seen.fails === null ? '' : `, and fails: ${seen.fails}`}`,
        );
      }
      write(memory);
    }
  };
  await Promise.all(workshops.slice(0, Math.ceil(unknown.length / filesOfRun)).map(take));
  return new Map(files.flatMap((path): [string, Meeting][] => (memory.meetings[path] ? [[path, memory.meetings[path]]] : [])));
}

type Seen = Pick<Meeting, 'seconds' | 'met' | 'fails'>;

async function whatTheyMeet(workshop: Workshop, paths: readonly string[]): Promise<[string, Seen][]> {
  const toldIn = paths.map((_, number) => `met-${number}`);
  for (const told of toldIn) workshop.write(told, '');
  const copies = paths.map((path, number) => ({ path, tellsIn: join(workshop.root, toldIn[number] ?? '') }));
  const outcomes = await runCopies(workshop, copies);
  const seen: [string, Seen][] = [];
  for (const [number, path] of paths.entries()) {
    const told = workshop
      .read(toldIn[number] ?? '')
      .split('\n')
      .filter(Boolean);
    const saidOf = (what: string) => told.flatMap((line) => (line.startsWith(`${what} `) ? [line.slice(what.length + 1)] : []));
    const inDatabases = await Promise.all(saidOf('database').map((name) => metIn(workshop, name)));
    const outcome = outcomes[number];
    const fails = outcome === undefined ? '(it did not come to its end)' : (outcome?.test ?? null);
    seen.push([
      path,
      { seconds: Number(saidOf('seconds')[0] ?? 60), met: [...new Set([...saidOf('check'), ...inDatabases.flat()])].sort(), fails },
    ]);
  }
  await workshop.dropTestDatabases();
  return seen;
}

async function metIn(workshop: Workshop, database: string): Promise<string[]> {
  return workshop.inDatabase(database, async (client) => {
    const { rows } = await client.query<{ key: string }>(
      String.raw`SELECT substr(funcname, 5) AS key FROM pg_stat_user_functions WHERE schemaname = 'met' AND funcname LIKE 'hit\_%' AND calls > 0`,
    );
    return rows.map(({ key }) => key);
  });
}

function testFilesIn(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `${folder}/${name}`);
}

/** A pure test beside the code meets what it imports. */
function mayMeet(root: string, path: string, checked: readonly Checked[]): boolean {
  if (path.startsWith('tests/') || path.startsWith('policy/')) return true;
  const text = readFileSync(join(root, path), 'utf8');
  return checked.some(({ where }) => text.includes(`/${basename(where)}'`));
}

/** What it imports of what tests share, and so on. */
function supportOf(root: string, path: string, found = new Map<string, string>()): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  for (const [, from = ''] of text.matchAll(/from '(\.[^']+\.ts)'/g)) {
    const imported = normalize(join(dirname(path), from));
    if (!imported.startsWith('tests/') || found.has(imported)) continue;
    found.set(imported, '');
    supportOf(root, imported, found);
    found.set(imported, readFileSync(join(root, imported), 'utf8'));
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, shared]) => shared);
}
