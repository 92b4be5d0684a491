import pg from 'pg';
import { openPool } from '../../../store/connect.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { KillableEngine } from './killable-engine.ts';

/** One database for all sequences; each opens a tenant in it. */
export class Offices {
  readonly database: TestDatabase;
  readonly api: pg.Pool;
  readonly worker: pg.Pool;
  readonly superuser: pg.Client;
  readonly engine: KillableEngine;

  private constructor(database: TestDatabase) {
    this.database = database;
    this.api = openPool(database.urls.api, { max: 4 });
    this.worker = openPool(database.urls.worker, { max: 4 });
    this.superuser = new pg.Client({ connectionString: database.urls.superuser });
    this.engine = new KillableEngine(database.urls.worker);
  }

  static async open(): Promise<Offices> {
    const database = await createTestDatabase();
    const offices = new Offices(database);
    await offices.superuser.connect();
    return offices;
  }

  async close(): Promise<void> {
    await Promise.all([this.api.end(), this.worker.end(), this.superuser.end(), this.engine.close()]);
    await this.database.drop();
  }
}
