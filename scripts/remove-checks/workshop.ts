import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../postgres/embedded-postgres.ts';
import { type Checked, type Removal, without } from './removal.ts';
import { firstFailure } from './tests-that-notice.ts';

/** A copy of the sources, and a database server of its own with the template of which each test file gets a clone: here checks are taken away, and nowhere else. */
export class Workshop {
  readonly root: string;
  readonly url: string;
  private readonly template: string;
  private readonly end: () => Promise<void>;

  private constructor(root: string, url: string, template: string, end: () => Promise<void>) {
    this.root = root;
    this.url = url;
    this.template = template;
    this.end = end;
  }

  /** The first test to need a database makes the template; that this one passes also says that the copy works. */
  static async open(number: number): Promise<Workshop> {
    const root = mkdtempSync(join(tmpdir(), 'remove-checks-'));
    const directory = join(process.cwd(), '.exequatur', 'remove-checks', `${process.pid}-${number}`);
    const server = await startPostgres({ directory, disposable: true });
    const end = async () => {
      await server.stop();
      for (const path of [root, directory]) rmSync(path, { recursive: true, force: true });
    };
    try {
      copySources(root);
      const failure = await firstFailure(root, ['tests/database/door-bytes.test.ts', 'policy/decide.test.ts'], server.url);
      if (failure !== null) throw new Error(`with all checks in place this fails: ${failure.file}: ${failure.test}`);
      const { rows } = await onDatabase<{ datname: string }>(
        server.url,
        'postgres',
        `SELECT datname FROM pg_database WHERE datistemplate AND datname LIKE 'exq_%'`,
      );
      return new Workshop(root, server.url, rows[0]?.datname ?? '', end);
    } catch (error) {
      await end();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.end();
  }

  async inTemplate<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = await connect(this.url, this.template);
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  /** Whatever happens in between, everything is as before afterwards: the next one begins from all checks. */
  async withoutCheck<T>(removal: Removal, { lane, where, text }: Checked, work: () => Promise<T>): Promise<T> {
    const put = async (whole: string) => {
      if (lane === 'door') await this.inTemplate((client) => client.query(whole));
      else writeFileSync(join(this.root, where), whole);
    };
    await put(without(removal, text));
    try {
      return await work();
    } finally {
      await put(text);
    }
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.root, path), text);
  }
}

export async function connect(server: string, database: string): Promise<pg.Client> {
  const url = new URL(server);
  url.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return client;
}

export async function onDatabase<R extends pg.QueryResultRow>(server: string, database: string, sql: string): Promise<pg.QueryResult<R>> {
  const client = await connect(server, database);
  try {
    return await client.query<R>(sql);
  } finally {
    await client.end();
  }
}

function copySources(root: string): void {
  const left = new Set(['node_modules', '.git', '.exequatur', 'dist']);
  cpSync(process.cwd(), root, { recursive: true, filter: (path) => !left.has(relative(process.cwd(), path)) });
  symlinkSync(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
}
