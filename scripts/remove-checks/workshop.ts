import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import pg from 'pg';
import { digestOf } from '../../ontology/canonical-json.ts';
import { startPostgres } from '../postgres/embedded-postgres.ts';
import { failuresOf } from './tests-that-notice.ts';

/** A copy of the sources, and a database server of its own with the template of which each test file gets a clone: here checks are taken away, and nowhere else. */
export class Workshop {
  readonly root: string;
  readonly url: string;
  readonly template: string;
  private readonly end: () => Promise<void>;

  private constructor(root: string, url: string, template: string, end: () => Promise<void>) {
    this.root = root;
    this.url = url;
    this.template = template;
    this.end = end;
  }

  /** The server's directory stays for the next run, which then need not migrate: one run at a time. */
  static async open(number: number): Promise<Workshop> {
    const root = mkdtempSync(join(tmpdir(), 'remove-checks-'));
    const server = await startPostgres({ directory: directoryOf(number), disposable: true });
    const end = async () => {
      await server.stop();
      rmSync(root, { recursive: true, force: true });
    };
    try {
      copySources(root);
      if ((await databasesLike(server.url, 'exq\\_%')).length === 0) await makeTemplate(root, server.url);
      const [template = ''] = await databasesLike(server.url, 'exq\\_%');
      const workshop = new Workshop(root, server.url, template, end);
      await workshop.dropTestDatabases();
      return workshop;
    } catch (error) {
      await end();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.end();
  }

  async inDatabase<T>(name: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  /** Also those that a test left open. */
  async dropTestDatabases(): Promise<void> {
    for (const name of await databasesLike(this.url, 't\\_%')) {
      await this.inDatabase('postgres', (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    }
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.root, path), text);
  }

  replace(path: string, words: string, by: string): void {
    const text = this.read(path);
    if (!text.includes(words)) throw new Error(`${path} says in other words: ${words}`);
    this.write(
      path,
      text.replace(words, () => by),
    );
  }
}

/** Of these migrations; those of others are removed. */
function directoryOf(number: number): string {
  const migrations = readdirSync('prisma/migrations', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.sql'));
  const digest = digestOf(migrations.sort().map((name) => [name, readFileSync(join('prisma/migrations', name), 'utf8')]));
  const parent = join(process.cwd(), '.exequatur', 'remove-checks');
  const prefix = digest.slice('sha256:'.length, 19);
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) if (!name.startsWith(prefix)) rmSync(join(parent, name), { recursive: true, force: true });
  return join(parent, `${prefix}-${number}`);
}

/** The first test to need a database makes it; that this one passes also says that the copy works. */
async function makeTemplate(root: string, server: string): Promise<void> {
  const proofs = ['tests/database/door-bytes.test.ts', 'policy/decide.test.ts'];
  const failures = await failuresOf(root, proofs, server);
  const failing = proofs.find((path) => failures.get(path) !== null);
  if (failing !== undefined) throw new Error(`with all checks in place this fails: ${failing}: ${failures.get(failing)?.test}`);
}

async function databasesLike(server: string, pattern: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE datname LIKE $1', [pattern]);
    return rows.map(({ datname }) => datname);
  } finally {
    await client.end();
  }
}

function copySources(root: string): void {
  const left = new Set(['node_modules', '.git', '.exequatur', 'dist']);
  cpSync(process.cwd(), root, { recursive: true, filter: (path) => !left.has(relative(process.cwd(), path)) });
  symlinkSync(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
}
