import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { AuditEntry, AuditEntryInput } from '../audit/entry.ts';
import type { EntryType } from '../audit/entry-types.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { currentTraceparent } from '../telemetry/traceparent.ts';
import { ConnectionLost } from './is-outage.ts';
import { prismaOn } from './prisma-connection.ts';
import { QueuedEntries } from './queued-entries.ts';
import { sqlStateOf } from './sql-state.ts';
import { statementName } from './statement-name.ts';

/**
 * Transactions in which one tenant is set. A transaction that ends without COMMIT leaves nothing, and one in which no tenant could be set sees no rows:
 * row-level security reads the setting that is made here and nowhere else.
 */
export interface Sql {
  rows<T = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<T[]>;
}

/** A transaction that may write. Audit entries are collected, and appended by one call, the last statement before COMMIT: taken earlier, the tenant's audit head would be locked before rows and would deadlock. */
export interface Tx extends Sql {
  readonly tenant: string;
  /** Sends a statement whose answer nobody waits for; when it fails, so does the transaction. */
  send(text: string, values: readonly unknown[]): void;
  /** Queues an entry and returns its id, which outbox rows of the same transaction carry. */
  audit(entry: TypedEntry): string;
  /** Has the first entry of the proposal in this transaction commit to a decision. There MUST be one: what is decided is never without an entry. */
  decided(proposalId: string, commitment: string): void;
  /** Hands the queued entries over, for the door, which appends them itself before it returns. */
  takeEntries(): AuditEntry[];
  /** Ends the transaction with ROLLBACK although `work` returns: a refusal that must leave nothing. */
  undo(): void;
}

/** The API's transaction, which also offers Prisma's model API. */
export interface PrismaTx extends Tx {
  readonly prisma: Prisma.TransactionClient;
}

/** One of the catalogue: the database takes no other. */
export type TypedEntry = AuditEntryInput & { type: EntryType };

export interface TransactionOptions {
  isolation?: 'read committed' | 'repeatable read read only';
}

const maxAttempts = 4; // A serialization failure or deadlock says "do it again"; a fourth in a row says that something is wrong.
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Runs `work` in one transaction. It runs again after a serialization failure, so it MUST have no effect outside the transaction. */
export function withTenant<T>(
  pool: pg.Pool,
  tenant: string,
  work: (tx: Tx) => Promise<T>,
  { isolation = 'read committed' }: TransactionOptions = {},
): Promise<T> {
  return transact(pool, isolation, OpenTransaction, tenant, async (tx) => {
    const result = await work(tx);
    await tx.end();
    return result;
  });
}

/** The same with Prisma's model API on the same connection: how proposals, reviews and definitions are written. */
export function withTenantPrisma<T>(pool: pg.Pool, tenant: string, work: (tx: PrismaTx) => Promise<T>): Promise<T> {
  return transact(pool, 'read committed', OpenPrismaTransaction, tenant, async (tx) => {
    const result = await work(tx);
    await tx.end();
    return result;
  });
}

/** A glance: `read` sends all its statements at once, and COMMIT goes right behind them, in one round trip. What it sends later is refused. */
export function glance<T>(pool: pg.Pool, tenant: string, read: (sql: Sql) => Promise<T>): Promise<T> {
  return transact(pool, 'read committed', OpenTransaction, tenant, async (tx) => {
    const [result] = await Promise.all([read(tx), tx.end()]);
    return result;
  });
}

/**
 * Statements are sent as they come, without waiting for the answers to those before (connections are in pipeline mode), so BEGIN and the tenant ride with the first
 * statement and the audit entries with COMMIT: the head of the tenant's audit chain is never locked while this process is busy with something else.
 */
function transact<X extends OpenTransaction, T>(
  pool: pg.Pool,
  isolation: string,
  Transaction: new (tenant: string, client: pg.PoolClient) => X,
  tenant: string,
  run: (tx: X) => Promise<T>,
): Promise<T> {
  const checked = checkedTenant(tenant);
  return repeatOnConflict(async () => {
    const client = await connected(pool);
    let broken: Error | undefined;
    const tx = new Transaction(checked, client);
    try {
      tx.begin(isolation);
      return await run(tx);
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => {
        broken = failure;
      });
      const cause = tx.causeOf(error);
      // Only a broken connection refuses to roll back.
      throw broken !== undefined && sqlStateOf(cause) === null
        ? new ConnectionLost('the connection broke in a transaction', { cause })
        : cause;
    } finally {
      client.release(broken);
    }
  });
}

/**
 * What PostgreSQL answers to every statement behind the one that failed: that the transaction is at its end; or that a statement is not prepared, where it was to be
 * parsed by one of them.
 */
const consequences: ReadonlySet<string | null> = new Set(['25P02', '26000']);

class OpenTransaction implements Tx {
  readonly tenant: string;
  private readonly sent: Promise<unknown>[] = [];
  private failure: unknown;
  private readonly entries = new QueuedEntries();
  private undone = false;
  private closed = false;
  private readonly client: pg.PoolClient;

  constructor(tenant: string, client: pg.PoolClient) {
    this.tenant = tenant;
    this.client = client;
  }

  /**
   * Not waited for: without it no tenant is set, so that the statements behind it find no rows and write none. The tenant is quoted into the text because a
   * statement with parameters cannot be sent together with BEGIN; it was checked to be a UUID. Events that are written carry the trace, where there is one.
   */
  begin(isolation: string): void {
    const traceparent = currentTraceparent();
    const traced = traceparent === null ? '' : `; SET LOCAL app.traceparent = '${traceparent}'`;
    this.keep(this.client.query(`BEGIN ISOLATION LEVEL ${isolation}; SET LOCAL app.tenant = '${this.tenant}'${traced}`));
  }

  async rows<T>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    if (this.closed) throw new Error('the transaction has ended');
    try {
      return (await this.client.query({ name: statementName(text), text, values: [...values] })).rows as T[];
    } catch (error) {
      this.note(error);
      throw error;
    }
  }

  /** Answers come in the order of the statements, so the first that is noted is the first that failed. */
  protected note(error: unknown): void {
    if (!consequences.has(sqlStateOf(error))) this.failure ??= error;
  }

  send(text: string, values: readonly unknown[]): void {
    this.keep(this.rows(text, values));
  }

  private keep(answer: Promise<unknown>): void {
    answer.catch((error: unknown) => this.note(error)); // Heard at the end.
    this.sent.push(answer);
  }

  audit(input: TypedEntry): string {
    return this.entries.add(input);
  }

  decided(proposalId: string, commitment: string): void {
    this.entries.decided(proposalId, commitment);
  }

  takeEntries(): AuditEntry[] {
    return this.entries.take();
  }

  undo(): void {
    this.undone = true;
  }

  /** Ends the transaction, in one message with the audit entries, and fails unless it ended as it was meant to. */
  async end(): Promise<void> {
    this.closed = true;
    const [answer] = await Promise.all([this.client.query(this.lastMessage()), ...this.sent]);
    const last = Array.isArray(answer) ? answer.at(-1) : answer;
    // PostgreSQL answers the COMMIT of a transaction in which anything failed with ROLLBACK.
    if (!this.undone && last.command !== 'COMMIT') throw new Error('a statement had failed, and the transaction went on as if it had not');
  }

  private lastMessage(): string {
    if (this.undone) return 'ROLLBACK';
    const entries = this.entries.takeLast();
    if (entries.length === 0) return 'COMMIT';
    return `SELECT exequatur.append_audit(${pg.escapeLiteral(JSON.stringify(entries))}::jsonb); COMMIT`;
  }

  /** Of the errors of one transaction, the one that brought about the others. */
  causeOf(error: unknown): unknown {
    return consequences.has(sqlStateOf(error)) ? (this.failure ?? error) : error;
  }
}

class OpenPrismaTransaction extends OpenTransaction implements PrismaTx {
  readonly prisma: Prisma.TransactionClient;

  constructor(tenant: string, client: pg.PoolClient) {
    super(tenant, client);
    this.prisma = prismaOn(client, (error) => this.note(error));
  }
}

/** One that breaks while it is made is told of in words alone, too. */
async function connected(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (cause) {
    throw sqlStateOf(cause) === null ? new ConnectionLost('no connection was made', { cause }) : cause;
  }
}

async function repeatOnConflict<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      const state = sqlStateOf(error);
      if (tried === maxAttempts || (state !== '40001' && state !== '40P01')) throw error;
      await sleep(Math.random() * 20 * 2 ** tried); // Spread out, so that two transactions that met do not meet again.
    }
  }
}

function checkedTenant(tenant: string): string {
  if (!uuid.test(tenant)) throw new Error('a tenant is named by a UUID');
  return tenant;
}
