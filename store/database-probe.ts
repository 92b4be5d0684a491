import type pg from 'pg';
import { openPool } from './connect.ts';
import { inTime } from './in-time.ts';
import { probeTimeoutMs } from './is-outage.ts';
import { sqlStateOf } from './sql-state.ts';

/** `full`: it is there, and has no room to write more. */
export type DatabaseState = 'ok' | 'full' | 'away';

const diskFull = '53100';

/**
 * Tells how the database is, over a connection of its own: behind the work of a busy process the question would wait for its turn, and the database would be called
 * away because there is much to do. One question at a time, however many ask.
 */
export class DatabaseProbe {
  private readonly pool: pg.Pool;
  private asked: Promise<DatabaseState> | undefined;

  constructor(url: string, applicationName: string) {
    this.pool = openPool(url, { max: 1, applicationName });
  }

  state(): Promise<DatabaseState> {
    this.asked ??= this.ask().finally(() => {
      this.asked = undefined;
    });
    return this.asked;
  }

  async isWell(): Promise<boolean> {
    return (await this.state()) === 'ok';
  }

  end(): Promise<void> {
    return this.pool.end();
  }

  private ask(): Promise<DatabaseState> {
    const asked = this.pool.query('SELECT exequatur.has_room()').then(
      (): DatabaseState => 'ok',
      (error: unknown) => (sqlStateOf(error) === diskFull ? 'full' : 'away'),
    );
    return inTime<DatabaseState>(asked, probeTimeoutMs, 'away');
  }
}
