import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
const markedTemplate = 'met';

/** From now on a copy of a test file says by itself what it runs without, and whether it tells what it meets: the sources are marked, and a template beside the usual one is. */
export async function prepare(workshop: Workshop, checked: readonly Checked[]): Promise<void> {
  for (const one of checked) if (one.lane !== 'door') workshop.write(one.where, markedSource(one));
  workshop.write(preload, preloadSource);
  await workshop.inDatabase('postgres', async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${markedTemplate}`);
    await client.query(`CREATE DATABASE ${markedTemplate} TEMPLATE ${workshop.template}`);
    await client.query("ALTER SYSTEM SET track_functions = 'pl'");
    await client.query('SELECT pg_reload_conf()');
  });
  const door = checked.filter(({ lane }) => lane === 'door');
  await workshop.inDatabase(markedTemplate, async (client) => {
    await client.query('CREATE SCHEMA met; GRANT USAGE ON SCHEMA met TO PUBLIC');
    for (const one of door) await client.query(markingFunctions(one));
    for (const one of door) await client.query(markedFunction(one));
  });
  workshop.replace(
    support,
    'await onServer(server, (client) => client.query(`CREATE DATABASE',
    `const from = globalThis.tellsMet && server === process.env.DATABASE_URL ? '${markedTemplate}' : template;
  await onServer(server, (client) => client.query(\`CREATE DATABASE`,
  );
  workshop.replace(
    support,
    `TEMPLATE \${template}\`));`,
    `TEMPLATE \${from}\`));
  globalThis.tellMet('database ' + name);
  if (globalThis.removedFunction) await onServer(urlOf(server, name), (client) => client.query(globalThis.removedFunction));`,
  );
  // What a test has called is counted in its database, which therefore stays until it has been read.
  const drop = `await onServer(server, (client) => client.query(\`DROP DATABASE IF EXISTS \${name} WITH`;
  workshop.replace(support, drop, `if (!globalThis.tellsMet) ${drop}`);
}

/**
 * Runs copies of test files in one process, one after another, since most of the time of a file by itself goes into beginning. After its first failure the rest of a file is skipped,
 * unless it tells what it meets.
 * @returns of each its first failure; null where all its tests pass; undefined where the process ended before it did.
 */
export async function runCopies(workshop: Workshop, copies: readonly Copy[]): Promise<(Notice | null | undefined)[]> {
  const files = copies.map(({ path }, number) => join(dirname(path), `copy-${number}.test.ts`));
  try {
    for (const [number, copy] of copies.entries()) workshop.write(files[number] ?? '', `${prefaceOf(copy)}\n${workshop.read(copy.path)}`);
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
function prefaceOf({ without: lacks, tellsIn }: Copy): string {
  const sql = lacks?.checked.lane === 'door' ? without(lacks.removal, lacks.checked.text) : '';
  return `import { afterAll as afterCopy, beforeEach as beforeEachOfCopy } from 'vitest';
globalThis.removedCheck = process.env.REMOVED_CHECK = ${JSON.stringify(lacks?.key ?? '')};
globalThis.removedFunction = ${JSON.stringify(sql)};
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
