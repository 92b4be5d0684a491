import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPool } from '../../store/connect.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { type Fixture, keeper1, openFixture } from '../store/fixture.ts';

// A database of its own: tests/support/database.ts.
let fixture: Fixture;
let superuser: pg.Client;

beforeAll(async () => {
  fixture = await openFixture();
  superuser = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await superuser.connect();
});
afterAll(async () => {
  await superuser.end();
  await fixture.close();
});

const callsOf = async (name: string) => {
  const { rows } = await superuser.query<{ calls: string }>(
    "SELECT coalesce(sum(calls), 0) AS calls FROM pg_stat_user_functions WHERE schemaname = 'exequatur' AND funcname = $1",
    [name],
  );
  return Number(rows[0]?.calls);
};

it('the commitment to a decision is computed once, however many entries its transaction has, and not by the planner', async () => {
  const plan = await fixture.planned('askFloor', { name: 'first' });
  await fixture.review(plan, keeper1);
  const decisions = async () => (await superuser.query('SELECT 1 FROM exequatur.decision')).rowCount ?? 0;
  const before = await decisions();
  await superuser.query(`ALTER DATABASE ${fixture.database.name} SET track_functions = 'all'`);
  const worker = openPool(fixture.database.urls.worker, { max: 1 });
  const settled = await executeProposal(worker, fixture.tenant, plan.proposalId, fixture.deps);
  await worker.end();
  expect(settled?.status).toBe('executed');
  await expect.poll(() => callsOf('append_entries')).toBeGreaterThan(0); // A backend that ends tells what it has counted.
  expect(await callsOf('commitment_to')).toBe((await decisions()) - before);
});

it('functions that ask about every entry, or about every row that the log is told of, keep the plans of their questions', async () => {
  const { rows } = await superuser.query<{ name: string }>(
    `SELECT p.proname AS name FROM pg_proc p
      WHERE p.pronamespace = 'exequatur'::regnamespace AND (p.proname = 'append_entries' OR p.proname ~ '^refuse_untold')
        AND NOT coalesce('plan_cache_mode=force_generic_plan' = ANY (p.proconfig), false)`,
  );
  expect(rows).toEqual([]);
});
