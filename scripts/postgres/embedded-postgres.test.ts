import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { identify } from '../bootstrap/process-identity.mjs';
import { type PostgresServer, startPostgres } from './embedded-postgres.ts';

let parent: string;
let directory: string;
let server: PostgresServer;

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), 'postgres-')); // Readable by its owner alone, as a home directory is.
  directory = join(parent, 'data');
  server = await startPostgres({ directory });
  await query('create table kept (id int)');
  await query('insert into kept values (1)');
});
afterAll(async () => {
  await server.stop();
  rmSync(parent, { recursive: true, force: true });
});

async function query(sql: string, url = server.url): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {}); // The server is killed on purpose.
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const postmasterPid = () => Number(readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n')[0]);

describe('startPostgres', () => {
  it('orders text by its bytes', async () => {
    expect(await query("select 'B' < 'a' as answer")).toEqual([{ answer: true }]);
  });

  it('lets nobody in who cannot read its directory', async () => {
    const url = new URL(server.url);
    url.password = '';
    await expect(query('select 1', url.href)).rejects.toThrow('password');
    url.password = 'guessed';
    await expect(query('select 1', url.href)).rejects.toMatchObject({ code: '28P01' });
    expect(statSync(join(directory, 'superuser-password')).mode & 0o077).toBe(0);
    expect(statSync(directory).mode & 0o077).toBe(0);
  });

  it('starts again after a kill -9, with everything that was committed', async () => {
    process.kill(postmasterPid(), 'SIGKILL');
    await server.ended;
    server = await startPostgres({ directory });
    expect(await query('select id from kept')).toEqual([{ id: 1 }]);
  });

  // Elsewhere than on Linux a start can only wait for the backend to end by itself, which this one does not.
  it.runIf(process.platform === 'linux')(
    'starts again on the same port although a backend of the killed server is in the middle of a statement',
    async () => {
      const client = new pg.Client({ connectionString: server.url });
      client.on('error', () => {});
      await client.connect();
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const busy = client.query('do $$ begin loop end loop; end $$').catch(() => {});
      await expect.poll(() => query("select 1 from pg_stat_activity where state = 'active' and query like 'do %'")).toHaveLength(1);
      const { port } = server;
      process.kill(postmasterPid(), 'SIGKILL');
      await server.ended;
      expect(identify(rows[0]?.pid as number)).toBeUndefined();
      server = await startPostgres({ directory, port });
      expect(await query('select id from kept')).toEqual([{ id: 1 }]);
      await busy;
      await client.end();
    },
  );

  it('is not kept from starting by a pid file that names a stranger', async () => {
    await server.stop();
    writeFileSync(join(directory, 'postmaster.pid'), `${process.pid}\n${directory}\n0\n5432\n\n127.0.0.1\n`);
    server = await startPostgres({ directory });
    expect(await query('select id from kept')).toEqual([{ id: 1 }]);
  });

  it('ends a server that a killed owner left over the directory, rather than share it', async () => {
    const first = server;
    server = await startPostgres({ directory });
    await first.ended;
    expect(await query('select id from kept')).toEqual([{ id: 1 }]);
  });
});
