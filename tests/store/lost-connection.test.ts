import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPool } from '../../store/connect.ts';
import { isOutage } from '../../store/is-outage.ts';
import { leaveNudge } from '../../store/nudges.ts';
import { glance, type Tx, withTenant } from '../../store/sql.ts';
import { startSeverableProxy } from '../support/severable-proxy.ts';
import { expectDone, type Fixture, openFixture } from './fixture.ts';

let fixture: Fixture;
let proposalId: string;
beforeAll(async () => {
  fixture = await openFixture();
  ({ proposalId } = expectDone(await fixture.propose('addFloor', { name: 'ground', rooms: [] })));
});
afterAll(() => fixture?.close());

const count = async () => {
  const [row] = await glance(fixture.api, fixture.tenant, (sql) =>
    sql.rows<{ n: number }>('SELECT count(*)::int AS n FROM exequatur.nudge'),
  );
  return row?.n;
};
const suicide = 'SELECT pg_terminate_backend(pg_backend_pid())';

describe('a connection that is lost in the middle of a transaction', () => {
  it.each<[string, (tx: Tx) => Promise<unknown>]>([
    ['before anything was written', (tx) => tx.rows(suicide)],
    [
      'behind a write, which is waited for',
      async (tx) => {
        leaveNudge(tx, proposalId);
        await tx.rows(suicide);
      },
    ],
    [
      'in front of COMMIT, which is on its way',
      async (tx) => {
        leaveNudge(tx, proposalId);
        tx.send(suicide, []);
        leaveNudge(tx, proposalId);
      },
    ],
  ])('%s, is heard of, leaves nothing, and is not used again', async (_, work) => {
    const before = await count();
    await expect(withTenant(fixture.worker, fixture.tenant, work)).rejects.toThrow();
    expect(await count()).toBe(before);
    for (let i = 0; i < 10; i++) {
      const { rows } = await fixture.worker.query<{ tenant: string | null }>(
        "SELECT nullif(current_setting('app.tenant', true), '') AS tenant",
      );
      expect(rows).toEqual([{ tenant: null }]);
    }
    expect(await withTenant(fixture.worker, fixture.tenant, (tx) => tx.rows('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
  });

  it('after COMMIT, whose answer is lost, is an outage and no fault of ours, although the database is there', async () => {
    const proxy = await startSeverableProxy(fixture.database.urls.worker);
    const pool = openPool(proxy.url);
    const before = (await count()) ?? 0;
    proxy.loseCommits((nth) => nth === 1);
    const failure = await withTenant(pool, fixture.tenant, async (tx) => leaveNudge(tx, proposalId)).catch((error: unknown) => error);
    expect(await count()).toBe(before + 1);
    expect(await isOutage(pool, failure)).toBe(true);
    await pool.end();
    await proxy.close();
  });
});
