import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Fixture, openFixture } from '../store/fixture.ts';

// A database of its own: tests/support/database.ts.
let fixture: Fixture;
const rooms = 900;
const floor = (name: string) => ({ name, rooms: Array.from({ length: rooms }, (_, at) => ({ code: `${name}-${at}` })) });

beforeAll(async () => {
  fixture = await openFixture();
  await fixture.done('addFloor', { name: 'first', rooms: [{ code: 'first-0' }] });
  const superuser = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await superuser.connect();
  await superuser.query('ANALYZE'); // From now on the statistics are those of an empty house.
  await superuser.end();
  for (const name of ['a', 'b', 'c']) await fixture.done('addFloor', floor(name));
});
afterAll(() => fixture.close());

it('looks at no object that a plan has not read, whatever the statistics say', async () => {
  const plan = await fixture.planned('addFloor', floor('d')); // Has read that each of its rooms is not there yet.
  await fixture.done('setSeats', { room: 'b-1', seats: 4 }); // Moves the counter of rooms, so that each read is looked up.
  await fixture.inWorker(async (tx) => {
    const [reads] = await tx.rows<{ all: number; plan: string }>(
      `SELECT sum(cardinality(r.ids))::int AS all, min(r.plan_id::text) AS plan FROM exequatur.read_set_reads r
        WHERE r.plan_id = (SELECT p.plan_id FROM exequatur.proposal p WHERE p.id = $1::uuid)`,
      [plan.proposalId],
    );
    const looked = async () => {
      const [row] = await tx.rows<{ rows: number }>(
        "SELECT (seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_xact_user_tables WHERE schemaname = 'exequatur' AND relname = 'object'",
      );
      return row?.rows ?? 0;
    };
    const before = await looked();
    expect(await tx.rows('SELECT * FROM exequatur.stale_reads($1::uuid, 10) s', [reads?.plan])).toEqual([]);
    const after = await looked();
    expect(reads?.all).toBeGreaterThanOrEqual(rooms);
    expect(after - before).toBeLessThanOrEqual(reads?.all ?? 0);
  });
});
