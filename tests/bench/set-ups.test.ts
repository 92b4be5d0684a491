// Benchmarks that reach past the product's own functions, in their shortest form, so that none has stopped working when somebody wants a figure: tests/support/database.ts.
import { describe, it } from 'vitest';
import { tenantWithLog } from '../../bench/audit/audited-tenants.ts';
import { measureCost } from '../../bench/events/measure-cost.ts';
import { type BenchStack, openBenchStack } from '../../bench/plan/bench-stack.ts';
import { loadItems } from '../../bench/plan/load-items.ts';
import { measureAction } from '../../bench/plan/measure-action.ts';
import { measureBareUpdate } from '../../bench/plan/measure-bare-update.ts';
import { openPool } from '../../store/connect.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { createTestDatabase } from '../support/database.ts';

async function onStack(work: (stack: BenchStack) => Promise<void>): Promise<void> {
  const database = await createTestDatabase();
  try {
    const stack = await openBenchStack(database.urls);
    await work(stack).finally(() => stack.stop());
  } finally {
    await database.drop();
  }
}

describe('a benchmark', () => {
  it.concurrent('lives lifecycles without a log beside others with one, and leaves a log that is kept', ({ expect }) =>
    onStack(async (stack) => {
      const cost = await measureCost(stack, { rounds: 1, lifecycles: 1 });
      expect([cost.with.length, cost.without.length]).toEqual([1, 1]);
      const { rows } = await stack.superuser.query(
        `SELECT count(*) FILTER (WHERE NOT is_told)::int AS untold, (array_agg(is_told ORDER BY created_at DESC))[1] AS last,
                (SELECT count(*)::int FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'exequatur.%' AND tgenabled <> 'O') AS off
           FROM (SELECT p.created_at, EXISTS (SELECT FROM exequatur.audit_entry e WHERE e.proposal_id = p.id AND e.type = 'proposal.executed') AS is_told FROM exequatur.proposal p) p`,
      );
      expect(rows).toEqual([{ untold: 6, last: true, off: 0 }]);
    }));

  it.concurrent('writes logs that verify, and of which each execution is judged', async ({ expect }) => {
    const database = await createTestDatabase();
    const superuser = openPool(database.urls.superuser, { max: 1 });
    try {
      const tenant = await tenantWithLog(superuser, 'audited', 1_450); // More than are written by one statement, and a lifecycle that ends early.
      const said = await verifyLog(database, tenant);
      expect(said).toMatch(/^whole /);
      expect(JSON.parse(said.slice('whole '.length))).toMatchObject({ to: 1_450, executions: 207, unjudged: 0 });
    } finally {
      await superuser.end();
      await database.drop();
    }
  });

  it.concurrent('compares an action with a bare update of the same rows', () =>
    onStack(async (stack) => {
      await loadItems(stack, [1]);
      for (const kind of ['plain', 'indexed'] as const) {
        await measureBareUpdate(stack, kind, 1);
        await measureAction(stack, kind, 1);
      }
    }));
});
