import type pg from 'pg';
import { openPool } from './connect.ts';
import { answers } from './is-outage.ts';

/**
 * Tells whether the database is there, over a connection of its own: behind the work of a busy process the question would wait for its turn, and the database would be called
 * away because there is much to do. One question at a time, however many ask.
 */
export class DatabaseProbe {
  private readonly pool: pg.Pool;
  private asked: Promise<boolean> | undefined;

  constructor(url: string, applicationName: string) {
    this.pool = openPool(url, { max: 1, applicationName });
  }

  isThere(): Promise<boolean> {
    this.asked ??= answers(this.pool).finally(() => {
      this.asked = undefined;
    });
    return this.asked;
  }

  end(): Promise<void> {
    return this.pool.end();
  }
}
