import type pg from 'pg';

const oftenEveryMs = 1_000; // Until the database has answered once.
const everyMs = 30_000; // So long a machine that was suspended may be behind: its monotonic clock stood still.

/**
 * The time of the machine that the database runs on, as this process knows it: read now and then, and kept in between by the monotonic clock, so that it does not follow this
 * machine's own when that is set. Until the database has answered once it is this machine's own.
 */
export class DatabaseClock {
  private readonly pool: pg.Pool;
  /** The database's time less the monotonic clock's, ms. */
  private ahead: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(pool: pg.Pool) {
    this.pool = pool;
  }

  /** Ms since 1970. */
  now(): number {
    return this.ahead === undefined ? Date.now() : this.ahead + performance.now();
  }

  /** Looks at once, and then again and again until it is stopped. */
  async keep(): Promise<void> {
    await this.look().catch(() => undefined); // Away; looked at again.
    if (!this.stopped) this.timer = setTimeout(() => void this.keep(), this.ahead === undefined ? oftenEveryMs : everyMs).unref();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async look(): Promise<void> {
    const asked = performance.now();
    const at = await readClock({ rows: async (text) => (await this.pool.query(text)).rows });
    this.ahead = at - (asked + performance.now()) / 2; // Read about half way between question and answer.
  }
}

/** Ms since 1970. Not `exequatur.clock()`, which tests move: what others date, tokens and signatures, is dated by real clocks. */
export async function readClock(sql: { rows(text: string): Promise<unknown[]> }): Promise<number> {
  const [row] = (await sql.rows('SELECT extract(epoch FROM clock_timestamp())::double precision * 1000 AS ms')) as { ms: number }[];
  return row?.ms ?? Number.NaN;
}
