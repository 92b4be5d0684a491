import type pg from 'pg';
import { type CloudEvent, comparePositions, type Position, positionBehind } from '../ontology/cloud-event.ts';
import { isKept, readEvents, readHead } from './read-events.ts';
import { glance } from './sql.ts';

const shortestPauseMs = 10; // While events flow, one is seen some 10 ms after its commit.
const slowestMs = 500; // Where nothing has happened for four seconds nobody notices half a second more.
const patience = 8; // Whoever has waited for a second waits for another eighth of one.
const readAtOnce = 256;
const keptEvents = 1_000;
const keptBytes = 4 * 1024 * 1024; // For each tenant that is listened to. Whoever has fallen behind what is kept reads by itself.
const pageBytes = 256 * 1024;

/** An event with its JSON, made once for all who are told of it. */
export interface ToldEvent {
  event: CloudEvent;
  text: string;
}

export interface ToldPage {
  events: ToldEvent[];
  /** Where the reader is afterwards. */
  next: Position;
}

export interface EventWait {
  tenant: string;
  after: Position;
  /** The longest that is waited, ms. */
  limitMs: number;
  signal: AbortSignal;
}

/**
 * Tells readers of events what is new. However many of a tenant there are, one look at the log serves all who are at its end, less and less often while nothing happens;
 * a reader keeps nothing but its position, so one that is slow holds nothing up and no memory. Locks nothing, and is told by nobody: a notification from inside the
 * transactions would halve their rate.
 */
export class EventWatch {
  private readonly pool: pg.Pool;
  private readonly tails = new Map<string, { tail: Tail; readers: number }>();

  constructor(pool: pg.Pool) {
    this.pool = pool;
  }

  /** In how many tenants somebody reads. */
  get watched(): number {
    return this.tails.size;
  }

  /** Keeps what is new of a tenant until the signal: MUST be there as long as `next` is asked for it. */
  attend(tenant: string, signal: AbortSignal): void {
    const known = this.tails.get(tenant) ?? { tail: new Tail(this.pool, tenant), readers: 0 };
    this.tails.set(tenant, known);
    known.readers++;
    const leave = () => {
      if (--known.readers === 0) this.tails.delete(tenant);
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  }

  /**
   * What follows a position, as soon as something does; nothing when the time is over; null where something that followed it was deleted. Rejects when the database cannot
   * be asked.
   */
  async next({ tenant, ...wait }: EventWait): Promise<ToldPage | null> {
    const tail = this.tails.get(tenant)?.tail;
    return tail === undefined ? { events: [], next: wait.after } : tail.next(wait);
  }
}

interface Waiter {
  wake: () => void;
  fail: (error: unknown) => void;
}

/** The newest events of a tenant, all of them from `start` to `end`. */
class Tail {
  private readonly pool: pg.Pool;
  private readonly tenant: string;
  private readonly waiters = new Set<Waiter>();
  private kept: (ToldEvent & { at: Position })[] = [];
  private bytes = 0;
  private start: Position | null = null;
  private end: Position = { seq: 0, ordinal: 0 };
  private timer: NodeJS.Timeout | undefined;
  private looking = false;
  private lookedAt = 0;
  private movedAt = 0;
  private reading: Promise<unknown> = Promise.resolve();

  constructor(pool: pg.Pool, tenant: string) {
    this.pool = pool;
    this.tenant = tenant;
  }

  async next({ after, limitMs, signal }: Omit<EventWait, 'tenant'>): Promise<ToldPage | null> {
    const until = performance.now() + limitMs;
    for (let at = after; ; ) {
      const { start } = this;
      if (start !== null && comparePositions(at, start) >= 0) {
        if (comparePositions(at, this.end) < 0) return this.keptBehind(at);
      } else if (start !== null) {
        const page = await this.readBehind(at);
        if (page === null) return null;
        if (comparePositions(page.next, at) !== 0) return page;
        at = start; // Nothing is in between, and what is kept now came later.
        continue;
      }
      const leftMs = until - performance.now();
      if (leftMs <= 0 || signal.aborted) return { events: [], next: at };
      await this.moved(leftMs, signal);
    }
  }

  private keptBehind(at: Position): ToldPage {
    const events: ToldEvent[] = [];
    let bytes = 0;
    let next = this.end;
    for (const told of this.kept) {
      if (comparePositions(told.at, at) <= 0) continue;
      if (events.length > 0 && bytes + told.text.length > pageBytes) break;
      events.push(told);
      bytes += told.text.length;
      next = told.at;
    }
    return { events, next: events.length > 0 ? next : this.end };
  }

  /** One at a time of a tenant, so that many who come back at once do not take all connections. */
  private readBehind(at: Position): Promise<ToldPage | null> {
    const read = () => this.read(at, readAtOnce / 2);
    const page = this.reading.then(read, read);
    this.reading = page.catch(() => {});
    return page;
  }

  /** Null where something behind the position was deleted. */
  private async read(after: Position, limit: number): Promise<ToldPage | null> {
    const { tenant } = this;
    const [{ events, next }, kept] = await glance(this.pool, tenant, (sql) =>
      Promise.all([readEvents(sql, { tenant, after, limit }), isKept(sql, tenant, after)]),
    );
    if (!kept) return null;
    return { events: events.map((event) => ({ event, text: JSON.stringify(event) })), next };
  }

  private moved(limitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', waiter.wake);
        this.waiters.delete(waiter);
        if (this.waiters.size === 0) clearTimeout(this.timer);
      };
      const waiter: Waiter = {
        wake: () => {
          leave();
          resolve();
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      const timer = setTimeout(waiter.wake, Math.ceil(limitMs));
      signal.addEventListener('abort', waiter.wake);
      this.waiters.add(waiter);
      this.arm();
    });
  }

  private arm(): void {
    clearTimeout(this.timer);
    if (this.looking || this.waiters.size === 0) return;
    const now = performance.now();
    const pauseMs = Math.min(slowestMs, Math.max(shortestPauseMs, (now - this.movedAt) / patience));
    this.timer = setTimeout(() => void this.look(), Math.max(0, Math.ceil(this.lookedAt + pauseMs - now)));
  }

  private async look(): Promise<void> {
    this.looking = true;
    try {
      if (this.start === null) {
        this.end = await glance(this.pool, this.tenant, (sql) => readHead(sql, this.tenant));
        this.start = this.end;
        this.noteMove();
      } else {
        const page = await this.read(this.end, readAtOnce);
        if (page === null) this.forget();
        else if (comparePositions(page.next, this.end) !== 0) this.keep(page);
      }
    } catch (error) {
      for (const { fail } of [...this.waiters]) fail(error);
    } finally {
      this.looking = false;
      this.lookedAt = performance.now();
      this.arm();
    }
  }

  private keep({ events, next }: ToldPage): void {
    for (const told of events) {
      this.kept.push({ ...told, at: positionBehind(told.event) });
      this.bytes += told.text.length;
    }
    this.end = next;
    let dropped = 0;
    for (; this.kept.length - dropped > keptEvents || this.bytes > keptBytes; dropped++) {
      const oldest = this.kept[dropped];
      if (oldest === undefined) break;
      this.start = oldest.at;
      this.bytes -= oldest.text.length;
    }
    if (dropped > 0) this.kept = this.kept.slice(dropped);
    this.noteMove();
  }

  /** It has not looked for so long that events behind its end are deleted: it begins at the log's end again, and whoever is at the old one is told so. */
  private forget(): void {
    this.kept = [];
    this.bytes = 0;
    this.start = null;
  }

  private noteMove(): void {
    this.movedAt = performance.now();
    for (const { wake } of [...this.waiters]) wake();
  }
}
