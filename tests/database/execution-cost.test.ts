import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPool } from '../../store/connect.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { type Fixture, keeper1, openFixture } from '../store/fixture.ts';

// A database of its own: tests/support/database.ts.
let fixture: Fixture;
let superuser: pg.Client;
const earlier = 5_000;

beforeAll(async () => {
  fixture = await openFixture();
  superuser = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await superuser.connect();
  // What many executions leave behind. The door is not asked, so that this takes no minute.
  await superuser.query("SET session_replication_role = 'replica'");
  await superuser.query(
    `INSERT INTO exequatur.review_consumption (tenant_id, review_id, execution_id)
     SELECT $1::uuid, gen_random_uuid(), gen_random_uuid() FROM generate_series(1, ${earlier})`,
    [fixture.tenant],
  );
  await superuser.query('ANALYZE');
});
afterAll(async () => {
  await superuser.end();
  await fixture.close();
});

it('an execution reads the reviews that it uses up, and not those that others have', async () => {
  const read = async () => {
    const { rows } = await superuser.query<{ rows: string }>(
      "SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_user_tables WHERE schemaname = 'exequatur' AND relname = 'review_consumption'",
    );
    return Number(rows[0]?.rows);
  };
  const plan = await fixture.planned('askFloor', { name: 'second' });
  await fixture.review(plan, keeper1);
  const before = await read();
  const worker = openPool(fixture.database.urls.worker, { max: 1 });
  const settled = await executeProposal(worker, fixture.tenant, plan.proposalId, fixture.deps);
  await worker.end();
  expect(settled?.status).toBe('executed');
  await expect.poll(read).toBeGreaterThan(before); // A backend that ends tells what it has counted.
  expect(await read()).toBeLessThan(before + earlier);
});
