import type pg from 'pg';
import { isFinal, type ProposalStatus } from '../ontology/lifecycle.ts';
import { FirstLook } from './first-look.ts';
import { glance } from './sql.ts';

const shortestPauseMs = 2;
const slowestMs = 500; // Somebody who waits for people to decide notices nothing of half a second.
const patience = 16; // Whoever has waited for 80 ms can wait for another 5.
const perWaiterMs = 1; // The more wait, the longer it takes, and the more one look tells: 50 at once are looked at after 58 ms, and every 50 ms.

/** What is waited for: that a proposal has left `simulating`, that the engine's next step is done, or that it is in a final state. */
export type Awaited = 'simulation' | 'turn' | 'end';

const isReached: Readonly<Record<Awaited, (status: ProposalStatus) => boolean>> = {
  simulation: (status) => status !== 'simulating',
  turn: (status) => status !== 'simulating' && status !== 'approved',
  end: isFinal,
};

/** Where a proposal stood when it was looked at. */
export interface Seen {
  status: ProposalStatus;
  revision: number;
  planDigest: string | null;
}

export interface Wait {
  readonly proposalId: string;
  readonly awaited: Awaited;
  /** The longest that is waited, ms. */
  readonly limitMs: number;
  /** Ends the wait before its time. */
  readonly signal?: AbortSignal;
}

/**
 * Tells when a proposal has come to a status, by looking at its row: one look for all who wait in a tenant, less and less often for whoever has waited long.
 * Temporal would tell later than the commit, and nothing while it is away; a notification from inside the transactions would halve their rate. Locks nothing.
 */
export class StatusWatch {
  private readonly pool: pg.Pool;
  private readonly tenants = new Map<string, TenantWatch>();
  /** Of all tenants: they share the machines on which it is done. */
  private readonly firstLooks: FirstLooks = { simulation: new FirstLook(), turn: new FirstLook(), end: new FirstLook() };

  constructor(pool: pg.Pool) {
    this.pool = pool;
  }

  /** In how many tenants somebody waits. */
  get watched(): number {
    return this.tenants.size;
  }

  /** What was seen when the status was reached; null when there is no such proposal, or the time is over. Rejects when the database cannot be asked. */
  until(tenant: string, wait: Wait): Promise<Seen | null> {
    const known = this.tenants.get(tenant);
    if (known !== undefined) return known.until(wait);
    const watch = new TenantWatch(
      (ids) => look(this.pool, tenant, ids),
      this.firstLooks,
      () => {
        // One that had no waiters was replaced when the next came.
        if (this.tenants.get(tenant) === watch) this.tenants.delete(tenant);
      },
    );
    this.tenants.set(tenant, watch);
    return watch.until(wait);
  }
}

type FirstLooks = Readonly<Record<Awaited, FirstLook>>;

interface Waiter extends Wait {
  readonly since: number;
  looks: number;
  dueAt: number;
  readonly end: (seen: Seen | null) => void;
  readonly fail: (error: unknown) => void;
}

class TenantWatch {
  private readonly look: (ids: readonly string[]) => Promise<Map<string, Seen>>;
  private readonly firstLooks: FirstLooks;
  private readonly whenIdle: () => void;
  private readonly waiters = new Set<Waiter>();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(look: (ids: readonly string[]) => Promise<Map<string, Seen>>, firstLooks: FirstLooks, whenIdle: () => void) {
    this.look = look;
    this.firstLooks = firstLooks;
    this.whenIdle = whenIdle;
  }

  until(wait: Wait): Promise<Seen | null> {
    return new Promise((resolve, reject) => {
      const since = performance.now();
      const timer = setTimeout(() => waiter.end(null), wait.limitMs);
      const giveUp = () => waiter.end(null);
      const waiter: Waiter = {
        ...wait,
        since,
        looks: 0,
        dueAt: since + this.firstLooks[wait.awaited].afterMs() + perWaiterMs * this.waiters.size,
        end: (seen) => {
          leave();
          resolve(seen);
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      const leave = () => {
        clearTimeout(timer);
        wait.signal?.removeEventListener('abort', giveUp);
        if (!this.waiters.delete(waiter) || this.waiters.size > 0) return;
        clearTimeout(this.timer);
        this.whenIdle();
      };
      this.waiters.add(waiter);
      if (wait.signal?.aborted) return giveUp();
      wait.signal?.addEventListener('abort', giveUp);
      this.arm();
    });
  }

  private arm(): void {
    clearTimeout(this.timer);
    if (this.looking || this.waiters.size === 0) return;
    const earliest = Math.min(...[...this.waiters].map(({ dueAt }) => dueAt));
    const pauseMs = Math.max(earliest - performance.now(), perWaiterMs * this.waiters.size);
    this.timer = setTimeout(() => this.lookOnce(), Math.ceil(pauseMs)); // A timer of broken milliseconds fires before its time.
  }

  private async lookOnce(): Promise<void> {
    const now = performance.now();
    const due = [...this.waiters].filter(({ dueAt }) => dueAt <= now);
    if (due.length === 0) return this.arm();
    this.looking = true;
    try {
      const seen = await this.look(due.map(({ proposalId }) => proposalId));
      for (const waiter of due) this.judge(waiter, seen.get(waiter.proposalId) ?? null);
    } catch (error) {
      for (const waiter of due) waiter.fail(error);
    } finally {
      this.looking = false;
      this.arm();
    }
  }

  private judge(waiter: Waiter, seen: Seen | null): void {
    const now = performance.now();
    waiter.looks++;
    if (seen === null || isReached[waiter.awaited](seen.status)) {
      if (seen !== null) this.firstLooks[waiter.awaited].note(now - waiter.since, waiter.looks === 1);
      waiter.end(seen);
      return;
    }
    waiter.dueAt = now + Math.min(slowestMs, Math.max(shortestPauseMs, (now - waiter.since) / patience));
  }
}

async function look(pool: pg.Pool, tenant: string, ids: readonly string[]): Promise<Map<string, Seen>> {
  const [first, ...others] = new Set(ids);
  const select = 'SELECT p.id::text AS id, p.status, p.revision, p.plan_digest AS "planDigest" FROM exequatur.proposal p WHERE p.id =';
  const rows = await glance(pool, tenant, (sql) =>
    // For a list PostgreSQL makes a plan each time; often there is but one.
    others.length === 0
      ? sql.rows<Seen & { id: string }>(`${select} $1::uuid`, [first])
      : sql.rows<Seen & { id: string }>(`${select} ANY($1::uuid[])`, [[first, ...others]]),
  );
  return new Map(rows.map(({ id, ...seen }) => [id, seen]));
}
