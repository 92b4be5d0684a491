import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf } from '../../ontology/canonical-json.ts';
import { markedFunction, markedSource, markingFunctions, preloadSource } from './mark-checks.ts';
import { type Checked, type Removal, without } from './removal.ts';
import { failuresOf, type Notice } from './tests-that-notice.ts';
import type { Workshop } from './workshop.ts';

/** A test file again: without one check, or telling in a file which checks it meets, or as it is. */
export interface Copy {
  path: string;
  without?: { key: string; removal: Removal; checked: Checked } | null;
  tellsIn?: string;
}

const preload = 'met-check.mjs';
const support = 'tests/support/database.ts';

/** From now on a copy of a test file says by itself what it runs without, and whether it tells what it meets. */
export function prepare(workshop: Workshop, checked: readonly Checked[]): void {
  for (const one of checked) if (one.lane !== 'door') workshop.write(one.where, markedSource(one));
  workshop.write(preload, preloadSource);
  workshop.replace(
    support,
    'await onServer(server, (client) => client.query(`CREATE DATABASE',
    `const from = globalThis.tellsMet && server === process.env.DATABASE_URL ? '${templateOf(checked)}' : template;
  await onServer(server, (client) => client.query(\`CREATE DATABASE`,
  );
  workshop.replace(
    support,
    `TEMPLATE \${template} \${copied}\`));`,
    `TEMPLATE \${from} \${copied}\`));
  globalThis.tellMet('database ' + name);
  if (globalThis.removedFunction) await onServer(urlOf(server, name), (client) => client.query(globalThis.removedFunction));`,
  );
  // What a test has called is counted in its database, which therefore stays until it has been read.
  const drop = `for (const one of [name, \`\${name}_saved\`]) await client.query(\`DROP DATABASE`;
  workshop.replace(support, drop, `if (!globalThis.tellsMet) ${drop}`);
  workshop.replace(support, 'export async function createTestDatabase(', `${sharing}\nasync function makeTestDatabase(`);
}

/** A template beside the usual one, for what tells what it meets. It stays with the server. */
export async function makeMarkedTemplate(workshop: Workshop, checked: readonly Checked[]): Promise<void> {
  const name = templateOf(checked);
  const isThere = await workshop.inDatabase('postgres', async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1 AND datistemplate', [name]);
    if (rowCount) return true;
    await client.query(`DROP DATABASE IF EXISTS ${name}`);
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${workshop.template}`);
    await client.query("ALTER SYSTEM SET track_functions = 'pl'");
    await client.query('SELECT pg_reload_conf()');
    return false;
  });
  if (isThere) return;
  const door = doorOf(checked);
  await workshop.inDatabase(name, async (client) => {
    await client.query('CREATE SCHEMA met; GRANT USAGE ON SCHEMA met TO PUBLIC');
    for (const one of door) await client.query(markingFunctions(one));
    for (const one of door) await client.query(markedFunction(one));
  });
  await workshop.inDatabase('postgres', (client) => client.query(`ALTER DATABASE ${name} IS_TEMPLATE true`));
}

const doorOf = (checked: readonly Checked[]) => checked.filter(({ lane }) => lane === 'door');

/** Of these functions and these checks in them. */
function templateOf(checked: readonly Checked[]): string {
  return `met_${digestOf(doorOf(checked).map((one) => markedFunction(one))).slice('sha256:'.length, 19)}`;
}

/** Files that take back whatever they write share one database, which has its function again after each. */
const sharing = `
export async function createTestDatabase(server) {
  if (!globalThis.takesBack || globalThis.tellsMet) return makeTestDatabase(server);
  const known = globalThis.sharedDatabase;
  const shared = (globalThis.sharedDatabase ??= await makeTestDatabase(server));
  const inShared = (text) => onServer(shared.urls.superuser, (client) => client.query(text));
  if (known && globalThis.removedFunction) await inShared(globalThis.removedFunction);
  return { ...shared, drop: async () => { if (globalThis.restoredFunction) await inShared(globalThis.restoredFunction); } };
}`;

/**
 * Runs copies of test files in one process, one after another, since most of the time of a file by itself goes into beginning. After its first failure the rest of a file is skipped,
 * unless it tells what it meets.
 * @returns of each its first failure; null where all its tests pass; undefined where the process ended before it did.
 */
export async function runCopies(workshop: Workshop, copies: readonly Copy[]): Promise<(Notice | null | undefined)[]> {
  const files = copies.map(({ path }, number) => join(dirname(path), `copy-${number}.test.ts`));
  try {
    for (const [number, copy] of copies.entries()) {
      const text = workshop.read(copy.path);
      workshop.write(files[number] ?? '', `${prefaceOf(copy, text)}\n${text}`);
    }
    const env = { NODE_OPTIONS: `--import=${join(workshop.root, preload)}` };
    const failures = await failuresOf(workshop.root, files, workshop.url, env);
    return copies.map(({ path }, number) => {
      const failure = failures.get(files[number] ?? '');
      return failure ? { ...failure, file: path } : failure;
    });
  } finally {
    for (const file of files) rmSync(join(workshop.root, file), { force: true });
  }
}

/** What tests share is loaded anew for each copy, as for each test file: some of it remembers what it has made. */
function prefaceOf({ without: lacks, tellsIn }: Copy, text: string): string {
  const sql = lacks?.checked.lane === 'door' ? without(lacks.removal, lacks.checked.text) : '';
  return `import { afterAll as afterCopy, beforeEach as beforeEachOfCopy } from 'vitest';
globalThis.removedCheck = process.env.REMOVED_CHECK = ${JSON.stringify(lacks?.key ?? '')};
globalThis.removedFunction = ${JSON.stringify(sql)};
globalThis.restoredFunction = ${JSON.stringify(sql === '' ? '' : lacks?.checked.text)};
globalThis.takesBack = ${text.includes('craftedRows()')};
globalThis.tellsMet = process.env.TELLS_MET = ${JSON.stringify(tellsIn ?? '')};
const copyFrom = performance.now();
let copyHasFailed = false;
beforeEachOfCopy((context) => {
  if (copyHasFailed) context.skip();
  context.onTestFailed(() => { copyHasFailed = !globalThis.tellsMet; });
});
afterCopy(() => {
  globalThis.tellMet('seconds ' + (performance.now() - copyFrom) / 1000);
  for (const [path, node] of globalThis.__vitest_worker__.evaluatedModules.idToModuleMap) {
    if (path.includes('/tests/')) Object.assign(node, { promise: undefined, exports: undefined, evaluated: false });
  }
});`;
}
