import type pg from 'pg';
import { isFinal, type ProposalStatus } from '../ontology/lifecycle.ts';
import { glance } from './sql.ts';

const latestFirstLookMs = 40; // Where waits were long until now, the next may be short again.
const shortestPauseMs = 1;
const slowestMs = 500; // Somebody who waits for people to decide notices nothing of half a second.
const patience = 4; // Whoever has waited for 40 ms longer than expected can wait for another 10.
const perWaiterMs = 0.5; // The more wait, the more one look tells: 50 at once are looked at every 25 ms.

/** What is waited for: that a proposal has left `simulating`, or that it is in a final state. */
export type Awaited = 'simulation' | 'end';

const isReached: Readonly<Record<Awaited, (status: ProposalStatus) => boolean>> = {
  simulation: (status) => status !== 'simulating',
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
 * Tells when a proposal has come to a status, by looking at its row: one look for all who wait in a tenant, first when waits of the kind have been over of late, then
 * less and less often.
 * Temporal would tell later than the commit, and nothing while it is away; a notification from inside the transactions would halve their rate. Locks nothing.
 */
export class StatusWatch {
  private readonly pool: pg.Pool;
  private readonly tenants = new Map<string, TenantWatch>();
  private readonly paces = { simulation: new Pace(), end: new Pace() };

  constructor(pool: pg.Pool) {
    this.pool = pool;
  }

  /** What was seen when the status was reached; null when there is no such proposal, or the time is over. Rejects when the database cannot be asked. */
  until(tenant: string, wait: Wait): Promise<Seen | null> {
    const known = this.tenants.get(tenant);
    if (known !== undefined) return known.until(wait);
    const watch = new TenantWatch(
      (ids) => look(this.pool, tenant, ids),
      this.paces,
      () => this.tenants.delete(tenant),
    );
    this.tenants.set(tenant, watch);
    return watch.until(wait);
  }
}

/** When to look first in a wait of one kind, learnt from those before. */
class Pace {
  private expectedMs = 10;

  firstLookMs(): number {
    return Math.min(latestFirstLookMs, 0.9 * this.expectedMs);
  }

  /** What was seen at the first look may have been there long before: look sooner. A wait for people says nothing about the next. */
  learn(waitedMs: number, looks: number): void {
    if (looks === 1) this.expectedMs *= 0.7;
    else if (waitedMs < 1_000) this.expectedMs += (waitedMs - this.expectedMs) / 4;
  }
}

interface Waiter extends Wait {
  readonly since: number;
  dueAt: number;
  looks: number;
  readonly end: (seen: Seen | null) => void;
  readonly fail: (error: unknown) => void;
}

class TenantWatch {
  private readonly look: (ids: readonly string[]) => Promise<Map<string, Seen>>;
  private readonly paces: Readonly<Record<Awaited, Pace>>;
  private readonly whenIdle: () => void;
  private readonly waiters = new Set<Waiter>();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(look: (ids: readonly string[]) => Promise<Map<string, Seen>>, paces: Readonly<Record<Awaited, Pace>>, whenIdle: () => void) {
    this.look = look;
    this.paces = paces;
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
        dueAt: since + this.paces[wait.awaited].firstLookMs(),
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
        this.waiters.delete(waiter);
        if (this.waiters.size === 0) this.whenIdle();
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
    const pace = this.paces[waiter.awaited];
    const now = performance.now();
    waiter.looks += 1;
    if (seen === null || isReached[waiter.awaited](seen.status)) {
      if (seen !== null) pace.learn(now - waiter.since, waiter.looks);
      waiter.end(seen);
      return;
    }
    const longerMs = now - waiter.since - pace.firstLookMs();
    waiter.dueAt = now + Math.min(slowestMs, Math.max(shortestPauseMs, longerMs / patience));
  }
}

async function look(pool: pg.Pool, tenant: string, ids: readonly string[]): Promise<Map<string, Seen>> {
  const rows = await glance(pool, tenant, (sql) =>
    sql.rows<Seen & { id: string }>(
      'SELECT p.id::text AS id, p.status, p.revision, p.plan_digest AS "planDigest" FROM exequatur.proposal p WHERE p.id = ANY($1::uuid[])',
      [[...new Set(ids)]],
    ),
  );
  return new Map(rows.map(({ id, ...seen }) => [id, seen]));
}
