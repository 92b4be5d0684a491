import { join, resolve } from 'node:path';
import type pg from 'pg';
import { freePort } from '../scripts/processes/free-port.ts';
import { supervise } from '../scripts/processes/supervised-process.ts';
import { loginUrl, openStackDatabase } from '../scripts/stack/database.ts';
import { audience, issuer, openDevelopmentKeys } from '../scripts/stack/development-keys.ts';
import { removeState } from '../scripts/stack/remove-state.ts';
import { openPool } from '../store/connect.ts';
import { migrate } from '../store/migrate.ts';
import { tenantWithLog } from './audit/audited-tenants.ts';
import { type Erased, measureErasure } from './audit/measure-erasure.ts';
import { type Exported, measureExport } from './audit/measure-export.ts';
import { benchSigner, measureSealing, type Sealed, sealEverything } from './audit/measure-sealing.ts';
import { measureVerifier, type Verified } from './audit/measure-verifier.ts';
import { measureWaits, type Waited } from './audit/measure-waits.ts';
import { readOptions } from './options.ts';
import { printTable } from './statistics.ts';

const directory = resolve('.exequatur', 'bench', 'audit');

/**
 * `npm run bench -- audit [--parts sealing,waiting,erasing,export] [--entries 1000000] [--sealed 100000] [--tenants 1,50,1000] [--rate 2] [--seconds 20] [--erased 100000] [--heap 192]`: how fast one
 * relay seals what has gathered in the logs of so many tenants; how long an entry waits for a checkpoint while each of so many logs goes on growing by so many entries a second; how long it takes to erase somebody of whom so much is disclosed, and how long others wait meanwhile; what an export of a whole log costs the API process in time and memory, with a heap of so many MiB beyond which V8 ends it, so that what grew with the log would
 * end the export; how fast the verifier checks it. On a PostgreSQL that flushes its commits, as production does.
 */
export async function benchAudit(args: readonly string[]): Promise<void> {
  const options = readOptions(args, {
    parts: 'sealing,waiting,erasing,export',
    ...{ entries: 1_000_000, sealed: 100_000, tenants: '1,50,1000', rate: 2, seconds: 20, erased: 100_000, heap: 192 },
  });
  const parts = options.parts.split(',');
  const logs = options.tenants.split(',').map(Number);
  await removeState(directory);
  const keys = await openDevelopmentKeys(join(directory, 'keys'));
  const database = await openStackDatabase({ directory, fresh: true, commitTimes: true });
  const { superuserUrl } = database;
  const superuser = openPool(superuserUrl, { max: 1 });
  try {
    await migrate({ url: superuserUrl, passwords: keys.passwords });
    const relayUrl = loginUrl(superuserUrl, 'relay', keys.passwords.relay);
    const relay = openPool(relayUrl);
    if (parts.includes('sealing')) reportSealed(await each(logs, (tenants) => measureSealing(superuser, relay, tenants, options.sealed)));
    if (parts.includes('waiting')) {
      const { rate, seconds } = options;
      reportWaits(
        await each(logs, (count) => measureWaits({ superuser, superuserUrl, relayUrl, directory }, { logs: count, rate, seconds })),
      );
    }
    if (parts.includes('erasing')) {
      const api = openPool(loginUrl(superuserUrl, 'api', keys.passwords.api), { max: 2 });
      reportErased(await measureErasure(superuser, api, options.erased));
      await api.end();
    }
    if (parts.includes('export')) await benchExport({ superuser, relay, superuserUrl, keys }, options);
    await relay.end();
  } finally {
    await superuser.end();
    await database.stop();
  }
}

async function each<T>(counts: readonly number[], measure: (logs: number) => Promise<T>): Promise<T[]> {
  const measured: T[] = [];
  for (const count of counts) {
    measured.push(await measure(count));
    console.log(`  ${count} logs: done`);
  }
  return measured;
}

interface ExportDeps {
  superuser: pg.Pool;
  relay: pg.Pool;
  superuserUrl: string;
  keys: Awaited<ReturnType<typeof openDevelopmentKeys>>;
}

/** A whole log through the API to a file, and the verifier over that. */
async function benchExport(
  { superuser, relay, superuserUrl, keys }: ExportDeps,
  { entries, heap }: { entries: number; heap: number },
): Promise<void> {
  const tenth = Math.ceil(entries / 10);
  let tenant = '';
  for (let part = 0; part < 10; part++) {
    tenant = await tenantWithLog(superuser, 'exported', tenth);
    await sealEverything(relay);
  }
  console.log(`  a log of ${entries} entries: done`);
  const token = await keys.sign({ tenant, id: 'auditor', kind: 'user', roles: ['auditor'] });
  const file = join(directory, 'log.ndjson');
  const env = {
    EXEQUATUR_API_DATABASE_URL: loginUrl(superuserUrl, 'api', keys.passwords.api),
    EXEQUATUR_JWKS_FILE: keys.jwksFile,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --max-old-space-size=${heap}`,
  };
  const exported = await withApi(env, async (api) => [
    await measureExport({ ...api, token }, 1, file), // Not counted: warms caches, statements and the heap.
    await measureExport({ ...api, token }, tenth, file),
    await measureExport({ ...api, token }, 10 * tenth, file),
  ]);
  const unbounded = exported.find(({ oldSpaceMiB }) => oldSpaceMiB !== heap);
  if (unbounded !== undefined) throw new Error(`the API ran with an old space of ${unbounded.oldSpaceMiB} MiB`);
  reportExport(exported.slice(1), heap, await measureVerifier(file, benchSigner.verifierKey));
}

/** The API as it is deployed, without Temporal, which reading does not need. */
async function withApi<T>(env: Record<string, string>, work: (api: { apiUrl: string; pid: number }) => Promise<T>): Promise<T> {
  const port = await freePort();
  const apiUrl = `http://127.0.0.1:${port}`;
  const running = supervise({
    name: 'api',
    entry: 'api/server.ts',
    env: {
      LOG_LEVEL: 'warn',
      ...env,
      DATABASE_URL: '',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      EXEQUATUR_PORT: String(port),
      EXEQUATUR_JWT_ISSUER: issuer,
      EXEQUATUR_JWT_AUDIENCE: audience,
      EXEQUATUR_DEVELOPMENT_KEYS: 'true',
    },
    onLine: () => {},
  });
  try {
    while (
      !(await fetch(`${apiUrl}/livez`)
        .then((answer) => answer.ok)
        .catch(() => false))
    ) {
      if (running.failures() > 0) throw new Error(running.tail());
      await new Promise((done) => setTimeout(done, 100));
    }
    return await work({ apiUrl, pid: running.pid() ?? 0 });
  } finally {
    await running.stop();
  }
}

function reportSealed(sealed: readonly Sealed[]): void {
  console.log('\nsealing what has gathered, one relay');
  printTable([
    ['logs', 'entries', 'checkpoints', 'seconds', 'entries/s', 'checkpoints/s'],
    ...sealed.map(({ tenants, entries, checkpoints, seconds }) =>
      [tenants, entries, checkpoints, seconds.toFixed(1), (entries / seconds).toFixed(0), (checkpoints / seconds).toFixed(0)].map(String),
    ),
  ]);
  console.log(JSON.stringify({ bench: 'audit', sealed }));
}

function reportWaits(waited: readonly Waited[]): void {
  console.log(
    '\nlogs that go on growing: from the commit of an entry to that of the first checkpoint over it, and processors that were busy with it',
  );
  printTable([
    ['logs', 'entries/s', 'p50 ms', 'p99 ms', 'most ms', 'within 1 s', 'checkpoints/s', 'relay', 'its database', 'writers'],
    ...waited.map(({ logs, rate, seconds, p50, p99, most, withinSecond, checkpoints, relay, relayDatabase, writers }) => [
      String(logs),
      String(logs * rate),
      ...[p50, p99, most].map((ms) => ms.toFixed(0)),
      `${(withinSecond * 100).toFixed(2)} %`,
      (checkpoints / seconds).toFixed(0),
      ...[relay, relayDatabase, writers].map((share) => share.toFixed(2)),
    ]),
  ]);
  console.log(JSON.stringify({ bench: 'audit', waited }));
}

function reportErased(erased: Erased): void {
  const { entries, disclosures, seconds, writes, p50, most } = erased;
  console.log(`\nerasing ${disclosures} values that a log of ${entries} entries discloses: ${seconds.toFixed(1)} s`);
  console.log(`others wrote ${writes} entries meanwhile, each in ${p50.toFixed(1)} ms (p50) and at most ${most.toFixed(0)} ms`);
  console.log(JSON.stringify({ bench: 'audit', erased }));
}

function reportExport(exported: readonly Exported[], heap: number, verified: Verified): void {
  console.log(`\nexporting through the API, whose process has an old space of at most ${heap} MiB: its resident memory`);
  printTable([
    ['entries up to', 'file MiB', 'seconds', 'entries/s', 'before MiB', 'peak MiB'],
    ...exported.map(({ entries, mebibytes, seconds, before, peak }) =>
      [entries, mebibytes.toFixed(0), seconds.toFixed(1), (entries / seconds).toFixed(0), before, peak].map(String),
    ),
  ]);
  const perMillion = (verified.seconds / verified.entries) * 1_000_000;
  console.log(
    `\nverifying ${verified.entries} entries, ${verified.judged} executions judged: ${verified.seconds.toFixed(1)} s, ${perMillion.toFixed(1)} s per million; ${verified.processorSeconds.toFixed(1)} s of a processor; peak ${verified.peak} MiB`,
  );
  console.log(JSON.stringify({ bench: 'audit', oldSpaceMiB: heap, exported, verified, secondsPerMillion: perMillion }));
}
