// What a page of an export costs the database, under the API's login; on a clone from tests/support/database.ts.
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tenantWithLog } from '../../bench/audit/audited-tenants.ts';
import { openPool } from '../../store/connect.ts';
import { pageOfEntries } from '../../store/read-log.ts';
import { withTenant } from '../../store/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let superuser: pg.Pool;
let api: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  [superuser, api] = [openPool(database.urls.superuser, { max: 1 }), openPool(database.urls.api, { max: 1 })];
});
afterAll(async () => {
  await Promise.all([superuser?.end(), api?.end()]);
  await database?.drop();
});

const page = 500;

/** Pages of 8 KiB that PostgreSQL looked at, and how often it looked for what an entry discloses. */
async function costOf(tenant: string, from: number): Promise<{ blocks: number; looks: number }> {
  const text = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT e.seq FROM ${pageOfEntries.replace('$1', `${from}`).replace('$2', `${from + page - 1}`)}`;
  interface Node {
    'Index Name'?: string;
    'Actual Loops': number;
    Plans?: Node[];
  }
  const [row] = await withTenant(api, tenant, (tx) =>
    tx.rows<{ 'QUERY PLAN': [{ Plan: Node & { 'Shared Hit Blocks': number; 'Shared Read Blocks': number } }] }>(text),
  );
  const plan = row?.['QUERY PLAN'][0].Plan;
  if (plan === undefined) throw new Error('there is no plan');
  const looksIn = (node: Node): number =>
    (node['Index Name'] === 'audit_disclosure_pkey' ? node['Actual Loops'] : 0) +
    (node.Plans ?? []).reduce((sum, one) => sum + looksIn(one), 0);
  return { blocks: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'], looks: looksIn(plan) };
}

it('a page of an export asks once what each of its entries discloses, and costs the same wherever it is in the log and however long that is', async () => {
  const costs: { blocks: number; looks: number }[] = [];
  for (const entries of [1_000, 9_000]) {
    const tenant = await tenantWithLog(superuser, 'exported', entries);
    const size = costs.length === 0 ? entries : entries + 1_000;
    await superuser.query('ANALYZE exequatur.audit_entry, exequatur.audit_disclosure');
    for (const from of [1, size / 2, size - page + 1]) costs.push(await costOf(tenant, from));
  }
  expect(Math.max(...costs.map(({ looks }) => looks))).toBeLessThanOrEqual(page);
  const blocks = costs.map((cost) => cost.blocks);
  expect(Math.max(...blocks), blocks.join(', ')).toBeLessThan(2 * Math.min(...blocks));
});
