import { join, resolve } from 'node:path';
import { freePort } from '../scripts/processes/free-port.ts';
import { supervise } from '../scripts/processes/supervised-process.ts';
import { loginUrl, openStackDatabase } from '../scripts/stack/database.ts';
import { audience, issuer, openDevelopmentKeys } from '../scripts/stack/development-keys.ts';
import { removeState } from '../scripts/stack/remove-state.ts';
import { openPool } from '../store/connect.ts';
import { migrate } from '../store/migrate.ts';
import { tenantWithLog } from './audit/audited-tenants.ts';
import { type Exported, measureExport } from './audit/measure-export.ts';
import { benchSigner, measureSealing, type Sealed, sealEverything } from './audit/measure-sealing.ts';
import { measureVerifier, type Verified } from './audit/measure-verifier.ts';
import { readOptions } from './options.ts';
import { printTable } from './statistics.ts';

const directory = resolve('.exequatur', 'bench', 'audit');

/**
 * `npm run bench -- audit [--entries 1000000] [--sealed 100000] [--tenants 1,50,1000] [--heap 192]`: how fast one relay seals what has gathered in the logs of so many
 * tenants; what an export of a whole log costs the API process in time and memory, with a heap of so many MiB beyond which V8 ends it, so that what grew with the log would
 * end the export; how fast the verifier checks it. On a PostgreSQL that flushes its commits, as production does.
 */
export async function benchAudit(args: readonly string[]): Promise<void> {
  const options = readOptions(args, { entries: 1_000_000, sealed: 100_000, tenants: '1,50,1000', heap: 192 });
  await removeState(directory);
  const keys = await openDevelopmentKeys(join(directory, 'keys'));
  const database = await openStackDatabase({ directory, fresh: true });
  const superuser = openPool(database.superuserUrl, { max: 1 });
  try {
    await migrate({ url: database.superuserUrl, passwords: keys.passwords });
    const relay = openPool(loginUrl(database.superuserUrl, 'relay', keys.passwords.relay));
    const sealed: Sealed[] = [];
    for (const tenants of options.tenants.split(',').map(Number)) {
      sealed.push(await measureSealing(superuser, relay, tenants, options.sealed));
      console.log(`  sealed ${tenants} logs: done`);
    }
    let tenant = '';
    for (let tenth = 0; tenth < 10; tenth++) {
      tenant = await tenantWithLog(superuser, 'exported', Math.ceil(options.entries / 10));
      await sealEverything(relay);
    }
    await relay.end();
    console.log(`  a log of ${options.entries} entries: done`);
    const apiDatabase = loginUrl(database.superuserUrl, 'api', keys.passwords.api);
    const token = await keys.sign({ tenant, id: 'auditor', kind: 'user', roles: ['auditor'] });
    const file = join(directory, 'log.ndjson');
    const env = {
      EXEQUATUR_API_DATABASE_URL: apiDatabase,
      EXEQUATUR_JWKS_FILE: keys.jwksFile,
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --max-old-space-size=${options.heap}`,
    };
    const exported = await withApi(env, async (api) => [
      await measureExport({ ...api, token }, 1, file), // Not counted: warms caches, statements and the heap.
      await measureExport({ ...api, token }, Math.ceil(options.entries / 10), file),
      await measureExport({ ...api, token }, 10 * Math.ceil(options.entries / 10), file),
    ]);
    const unbounded = exported.find(({ oldSpaceMiB }) => oldSpaceMiB !== options.heap);
    if (unbounded !== undefined) throw new Error(`the API ran with an old space of ${unbounded.oldSpaceMiB} MiB`);
    report(sealed, exported.slice(1), options.heap, await measureVerifier(file, benchSigner.verifierKey));
  } finally {
    await superuser.end();
    await database.stop();
  }
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

function report(sealed: readonly Sealed[], exported: readonly Exported[], heap: number, verified: Verified): void {
  console.log('\nsealing what has gathered, one relay');
  printTable([
    ['logs', 'entries', 'checkpoints', 'seconds', 'entries/s', 'checkpoints/s'],
    ...sealed.map(({ tenants, entries, checkpoints, seconds }) =>
      [tenants, entries, checkpoints, seconds.toFixed(1), (entries / seconds).toFixed(0), (checkpoints / seconds).toFixed(0)].map(String),
    ),
  ]);
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
  console.log(JSON.stringify({ bench: 'audit', sealed, oldSpaceMiB: heap, exported, verified, secondsPerMillion: perMillion }));
}
