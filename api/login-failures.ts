import { decodeJwt } from 'jose';
import type pg from 'pg';
import type { AuditEntryInput } from '../audit/entry.ts';
import { isStorableText } from '../ontology/json.ts';
import { appendSystem, noteTurnedAway } from '../store/system-chain.ts';
import type { Logger } from '../telemetry/logger.ts';

const gatherMs = 1_000; // Once the minute is full nothing but their number is written: one call a second of each process, however many tokens are refused.
const windowMs = 60_000; // As the database counts.
const mostPending = 20; // While the write before them is under way; the rest is counted.
const againMs = 600_000; // How long a principal who was turned away is not told of again by this process.
const mostRemembered = 1_000;

/**
 * Brings to the log who could not log in. A token that is refused names no tenant that could be trusted, so it goes to the system's chain, at once and outside of the
 * answer: of a process that dies what it was about to write is lost, one write and at most twenty that waited for it to end; in a minute that is full, how many there
 * were in the last second. No token is kept, and who it claimed to be, from which address, only as commitments. A call without a token is no attempt.
 */
export class LoginFailures {
  private readonly pool: pg.Pool;
  private readonly logger: Logger;
  private readonly turnedAway = new Map<string, number>();
  private pending: AuditEntryInput[] = [];
  private uncounted = 0;
  private timer: NodeJS.Timeout | undefined;
  private wakesAt = 0;
  private isFull = false;
  private isQueued = false;
  private writing: Promise<void> = Promise.resolve();

  constructor(pool: pg.Pool, logger: Logger) {
    this.pool = pool;
    this.logger = logger;
  }

  /** `why` is one of the few words of `authenticate`. */
  refused(why: string, authorization: string, address: string | undefined): void {
    const claimed = claimsOf(authorization);
    this.keep({ type: 'login.failed', facts: { reason: why }, personal: { ...claimed, address } });
  }

  /** A genuine token that was forbidden: told where its tenant does not exist, or its bearer is disabled, which is the tenant's to know. */
  async forbidden({ tenant, id }: { tenant: string; id: string }, address: string | undefined): Promise<void> {
    const key = `${tenant}/${id}`;
    if ((this.turnedAway.get(key) ?? 0) > Date.now()) return;
    const why = await noteTurnedAway(this.pool, { tenant, id });
    if (why === null) return;
    const oldest = this.turnedAway.keys().next();
    if (this.turnedAway.size >= mostRemembered && !oldest.done) this.turnedAway.delete(oldest.value);
    this.turnedAway.set(key, Date.now() + againMs);
    if (why === 'unknown tenant') this.keep({ type: 'login.failed', facts: { reason: why }, personal: { subject: id, tenant, address } });
  }

  /** Writes what is pending now. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.isQueued) return this.writing; // It takes along what has come since.
    this.isQueued = true;
    this.writing = this.writing.then(() => this.write());
    return this.writing;
  }

  private keep(entry: AuditEntryInput): void {
    if (this.pending.length < mostPending) this.pending.push(entry);
    else this.uncounted++;
    this.wake(this.isFull ? gatherMs : 0);
  }

  private wake(afterMs: number): void {
    const at = Date.now() + afterMs;
    if (this.timer !== undefined && this.wakesAt <= at) return;
    clearTimeout(this.timer);
    this.wakesAt = at;
    this.timer = setTimeout(() => void this.flush(), afterMs).unref();
  }

  private async write(): Promise<void> {
    this.isQueued = false;
    const [entries, uncounted] = [this.pending, this.uncounted];
    this.pending = [];
    this.uncounted = 0;
    try {
      const suppressed = await appendSystem(this.pool, entries, uncounted);
      this.isFull = suppressed > 0;
      if (suppressed > 0) this.wake(windowMs); // Then the minute is over, and what was left out of it becomes an entry.
    } catch (err) {
      this.uncounted += uncounted + entries.length;
      this.logger.warn({ err, failures: this.uncounted }, 'failed logins are not on record yet');
      this.wake(windowMs);
    }
  }
}

/** What a token that was not verified says of itself, as far as it can be stored. */
function claimsOf(authorization: string): { subject?: string; tenant?: string } {
  try {
    const { sub, tenant } = decodeJwt(authorization.replace(/^Bearer +/i, ''));
    const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= 200 && isStorableText(value);
    return { ...(isText(sub) ? { subject: sub } : {}), ...(isText(tenant) ? { tenant } : {}) };
  } catch {
    return {};
  }
}
