import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type AuditEntry, type AuditEntryInput, auditEntry } from '../audit/entry.ts';
import type { Prisma, PrismaClient } from '../generated/prisma/client.ts';
import { sqlStateOf } from './sql-state.ts';

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
  /** Queues an entry and returns its id, which outbox rows of the same transaction carry. */
  audit(entry: AuditEntryInput): string;
  /** Hands the queued entries over, for the door, which appends them itself before it returns. */
  takeEntries(): AuditEntry[];
  /** Ends the transaction with ROLLBACK although `work` returns: a refusal that must leave nothing. */
  undo(): void;
}

/** The API's transaction, which also offers Prisma's model API. */
export interface PrismaTx extends Tx {
  readonly prisma: Prisma.TransactionClient;
}

export interface TransactionOptions {
  isolation?: 'repeatable read read only';
}

const maxAttempts = 4; // A serialization failure or deadlock says "do it again"; a fourth in a row says that something is wrong.
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const acquireTimeoutMs = 10_000; // Longer than any burst the pool is sized for; beyond it the caller hears `temporarily_unavailable`.
const transactionTimeoutMs = 60_000; // An upload of definitions re-indexes; everything else ends within milliseconds.

/** Runs `work` in one transaction on node-postgres: the worker's way. `work` runs again after a serialization failure, so it MUST have no effect outside the transaction. */
export async function withTenant<T>(
  pool: pg.Pool,
  tenant: string,
  work: (tx: Tx) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  return repeatOnConflict(async () => {
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      // The tenant is quoted into the text because a statement with parameters cannot be sent together with BEGIN; it is checked to be a UUID first.
      await client.query(
        `BEGIN ISOLATION LEVEL ${options.isolation ?? 'read committed'}; SET LOCAL app.tenant = '${checkedTenant(tenant)}'`,
      );
      const tx = new OpenTransaction(
        tenant,
        async (text, values) => (await client.query({ name: statementName(text), text, values: [...values] })).rows,
      );
      const result = await work(tx);
      if (tx.undone) await client.query('ROLLBACK');
      else if (tx.entries.length === 0) await client.query('COMMIT');
      else await client.query(`SELECT exequatur.append_audit(${client.escapeLiteral(JSON.stringify(tx.entries))}::jsonb); COMMIT`);
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => {
        broken = failure;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  });
}

/** The same through Prisma: the API's way. */
export async function withTenantPrisma<T>(prisma: PrismaClient, tenant: string, work: (tx: PrismaTx) => Promise<T>): Promise<T> {
  const checked = checkedTenant(tenant);
  return repeatOnConflict(async () => {
    const undone: { result?: T } = {};
    try {
      return await prisma.$transaction(
        async (client) => {
          await client.$queryRawUnsafe(`SELECT set_config('app.tenant', $1, true)`, checked);
          const tx = new OpenPrismaTransaction(tenant, client);
          const result = await work(tx);
          if (tx.undone) {
            undone.result = result;
            throw new Undo();
          }
          if (tx.entries.length > 0) await client.$executeRawUnsafe('SELECT exequatur.append_audit($1::jsonb)', JSON.stringify(tx.entries));
          return result;
        },
        { maxWait: acquireTimeoutMs, timeout: transactionTimeoutMs },
      );
    } catch (error) {
      if (error instanceof Undo) return undone.result as T;
      throw error;
    }
  });
}

class OpenTransaction implements Tx {
  readonly entries: AuditEntry[] = [];
  undone = false;
  readonly tenant: string;
  private readonly run: (text: string, values: readonly unknown[]) => Promise<unknown[]>;

  constructor(tenant: string, run: (text: string, values: readonly unknown[]) => Promise<unknown[]>) {
    this.tenant = tenant;
    this.run = run;
  }

  async rows<T>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await this.run(text, values)) as T[];
  }

  audit(input: AuditEntryInput): string {
    const entry = auditEntry(input);
    this.entries.push(entry);
    return entry.id;
  }

  takeEntries(): AuditEntry[] {
    return this.entries.splice(0);
  }

  undo(): void {
    this.undone = true;
  }
}

class OpenPrismaTransaction extends OpenTransaction implements PrismaTx {
  readonly prisma: Prisma.TransactionClient;

  constructor(tenant: string, client: Prisma.TransactionClient) {
    super(tenant, (text, values) => client.$queryRawUnsafe(text, ...values));
    this.prisma = client;
  }
}

/** Prisma rolls back only when its callback throws. */
class Undo extends Error {}

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

const statementNames = new Map<string, string>();

/** A name makes PostgreSQL keep the statement parsed on its connection; store functions use a bounded number of texts. */
function statementName(text: string): string {
  let name = statementNames.get(text);
  if (name === undefined) {
    name = `s${statementNames.size + 1}`;
    statementNames.set(text, name);
  }
  return name;
}

/** For Prisma's adapter, whose own texts are as bounded. */
export const preparedStatementName = ({ sql }: { sql: string }): string => statementName(sql);
