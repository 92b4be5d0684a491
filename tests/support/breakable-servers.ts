import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '../../scripts/postgres/embedded-postgres.ts';
import { startTemporalDevServer, type TemporalDevServer } from '../../scripts/temporal/dev-server.ts';

/** A PostgreSQL of one test's own, to be killed, restarted and put back. What it has committed is there after a kill. */
export class BreakablePostgres {
  readonly directory: string;
  private server: PostgresServer;

  private constructor(directory: string, server: PostgresServer) {
    this.directory = directory;
    this.server = server;
  }

  /** `within` is where its data lies: a directory that only its owner removes. */
  static async open(within = mkdtempSync(join(tmpdir(), 'breakable-postgres-'))): Promise<BreakablePostgres> {
    const directory = join(within, 'server', 'data');
    return new BreakablePostgres(directory, await startPostgres({ directory, disposable: true }));
  }

  get url(): string {
    return this.server.url;
  }

  async answers(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('SELECT 1');
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** Of a server that may have ended by itself. @returns after it runs again */
  async revive(): Promise<void> {
    await this.server.stop();
    await this.start();
  }

  /** With kill -9, and every backend with it. @returns after it has started again and recovered */
  async kill(awayMs = 0): Promise<void> {
    const [pid] = readFileSync(join(this.directory, 'postmaster.pid'), 'utf8').split('\n');
    process.kill(Number(pid), 'SIGKILL');
    await this.server.ended;
    await sleep(awayMs);
    await this.start();
  }

  async restart(awayMs = 0): Promise<void> {
    await this.server.stop();
    await sleep(awayMs);
    await this.start();
  }

  /** Keeps all its data as they are now, under a name. */
  async save(name: string): Promise<void> {
    await this.server.stop();
    copy(this.directory, this.saved(name));
    await this.start();
  }

  /** As after a restore of a backup: what was committed since is not there. */
  async restore(name: string): Promise<void> {
    await this.server.stop();
    rmSync(this.directory, { recursive: true });
    copy(this.saved(name), this.directory);
    await this.start();
  }

  async close(): Promise<void> {
    await this.server.stop();
    rmSync(join(this.directory, '..', '..'), { recursive: true, force: true });
  }

  private saved(name: string): string {
    return `${this.directory}-${name}`;
  }

  private async start(): Promise<void> {
    this.server = await startPostgres({ directory: this.directory, disposable: true, port: this.server.port });
  }
}

/** A Temporal of one test's own, with its histories in a file. */
export class BreakableTemporal {
  private readonly directory: string;
  private server: TemporalDevServer;

  private constructor(directory: string, server: TemporalDevServer) {
    this.directory = directory;
    this.server = server;
  }

  static async open(): Promise<BreakableTemporal> {
    const directory = mkdtempSync(join(tmpdir(), 'breakable-temporal-'));
    return new BreakableTemporal(directory, await startTemporalDevServer({ databaseFile: fileIn(directory) }));
  }

  get address(): string {
    return this.server.address;
  }

  /** With kill -9. @returns after it has started again */
  async kill(awayMs = 0): Promise<void> {
    await this.end();
    await sleep(awayMs);
    await this.start();
  }

  /** Kills it and deletes all that it knew. */
  async empty(): Promise<void> {
    await this.end();
    rmSync(this.directory, { recursive: true });
    mkdirSync(this.directory);
    await this.start();
  }

  async close(): Promise<void> {
    await this.server.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async end(): Promise<void> {
    const group = Number.parseInt(readFileSync(`${fileIn(this.directory)}.pid`, 'utf8'), 10);
    process.kill(-group, 'SIGKILL');
    await this.server.ended;
  }

  private async start(): Promise<void> {
    this.server = await startTemporalDevServer({ databaseFile: fileIn(this.directory), ports: this.server.ports });
  }
}

/** With its owners: the server runs as somebody else than root. */
const copy = (from: string, to: string) => void execFileSync('cp', ['-a', from, to]);

const fileIn = (directory: string) => join(directory, 'temporal.db');
