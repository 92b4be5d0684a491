import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PrismaClient } from '../../generated/prisma/client.ts';
import { openPool } from '../../store/connect.ts';
import { leaveNudge } from '../../store/nudges.ts';
import { glance, withTenant, withTenantPrisma } from '../../store/sql.ts';
import { expectDone, type Fixture, openFixture } from './fixture.ts';

let fixture: Fixture;
let proposalId: string;
beforeAll(async () => {
  fixture = await openFixture();
  ({ proposalId } = expectDone(await fixture.propose('addFloor', { name: 'ground', rooms: [] })));
});
afterAll(() => fixture?.close());

const nudges = async () => {
  const { api, tenant } = fixture;
  const [row] = await glance(api, tenant, (sql) => sql.rows<{ count: number }>('SELECT count(*)::int AS count FROM exequatur.nudge'));
  return row?.count;
};

describe('a transaction whose statements are sent without waiting', () => {
  it('fails with the first statement that failed, and leaves nothing of those before and after it', async () => {
    const before = await nudges();
    const failing = withTenant(fixture.worker, fixture.tenant, async (tx) => {
      leaveNudge(tx, proposalId);
      tx.send('SELECT 1 / (length($1) - 1)', ['x']);
      leaveNudge(tx, proposalId);
    });
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    expect(await nudges()).toBe(before);
  });

  it('tells of that failure and not of what it did to the audit entries behind it', async () => {
    const failing = withTenant(fixture.worker, fixture.tenant, async (tx) => {
      tx.audit({ type: 'review.recorded', proposalId, facts: {}, personal: {} });
      tx.send('SELECT 1 / (length($1) - 1)', ['x']);
    });
    await expect(failing).rejects.toMatchObject({ code: '22012' });
  });

  it('tells of that failure also where statements behind it had not been parsed on this connection', async () => {
    const pool = openPool(fixture.database.urls.worker, { max: 1 });
    const failing = withTenant(pool, fixture.tenant, async (tx) => {
      tx.send('SELECT 1 / (length($1) - 1)', ['x']);
      tx.send('SELECT 1 AS new_here', []);
      await tx.rows('SELECT 1 AS new_here');
    });
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    expect(await withTenant(pool, fixture.tenant, (tx) => tx.rows('SELECT 1 AS new_here'))).toEqual([{ new_here: 1 }]);
    await pool.end();
  });

  it('keeps a bounded number of statements parsed, however many there are', async () => {
    const pool = openPool(fixture.database.urls.worker, { max: 1 });
    for (let at = 0; at < 1_200; at += 100) {
      await withTenant(pool, fixture.tenant, async (tx) => {
        for (let one = at; one < at + 100; one++) tx.send(`SELECT ${one} + $1::int`, [1]);
      });
    }
    const { rows } = await pool.query('SELECT count(*)::int AS parsed FROM pg_prepared_statements');
    expect(rows[0].parsed).toBeLessThanOrEqual(1_000);
    expect(await withTenant(pool, fixture.tenant, (tx) => tx.rows('SELECT 77 + $1::int AS sum', [1]))).toEqual([{ sum: 78 }]);
    await pool.end();
  });

  it('does not pass for done where a failure was swallowed', async () => {
    const before = await nudges();
    const swallowing = withTenant(fixture.worker, fixture.tenant, async (tx) => {
      leaveNudge(tx, proposalId);
      await tx.rows('SELECT 1 / (length($1) - 1)', ['x']).catch(() => {});
    });
    await expect(swallowing).rejects.toThrow('had failed');
    expect(await nudges()).toBe(before);
  });

  it('leaves its connection fit for the next one', async () => {
    for (let i = 0; i < 20; i++) {
      await withTenant(fixture.worker, fixture.tenant, async (tx) => tx.send('SELECT nothing', [])).catch(() => {});
    }
    expect(await withTenant(fixture.worker, fixture.tenant, (tx) => tx.rows('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
  });

  it('sees no rows of another tenant, and none without one', async () => {
    const count = (tenant: string) =>
      glance(fixture.api, tenant, (sql) => sql.rows<{ count: number }>('SELECT count(*)::int AS count FROM exequatur.proposal'));
    expect(await count(fixture.tenant)).toEqual([{ count: 1 }]);
    expect(await count(randomUUID())).toEqual([{ count: 0 }]);
    const { rows } = await fixture.api.query('SELECT count(*)::int AS count FROM exequatur.proposal');
    expect(rows).toEqual([{ count: 0 }]);
  });
});

describe('a glance', () => {
  it('refuses what is sent after its first statements', async () => {
    const late = glance(fixture.api, fixture.tenant, async (sql) => {
      await sql.rows('SELECT 1');
      return sql.rows('SELECT 2');
    });
    await expect(late).rejects.toThrow('has ended');
  });
});

describe('Prisma', () => {
  it('opens no transaction of its own', async () => {
    const own = withTenantPrisma(fixture.api, fixture.tenant, (tx) =>
      (tx.prisma as PrismaClient).$transaction((inner) => inner.proposal.count()),
    );
    await expect(own).rejects.toThrow('no transactions of its own');
  });

  it('tells what failed, although other statements hear of it first', async () => {
    for (let round = 0; round < 5; round++) {
      const failing = withTenantPrisma(fixture.api, fixture.tenant, async (tx) => {
        const nowhere = { tenantId: fixture.tenant, id: randomUUID(), proposalId: randomUUID(), digest: `sha256:${'0'.repeat(64)}` };
        const reviewer = { reviewerId: 'keeper-1', reviewerKind: 'user', reviewerRoles: ['keeper'] };
        const data = { ...nowhere, ...reviewer, revision: 1, decision: 'approve', stage: '', createdAt: new Date() };
        const created = tx.prisma.review.create({ select: { id: true }, data });
        created.catch(() => {});
        for (let others = 0; others < 200; others++) await tx.rows('SELECT 1');
        await created;
      });
      await expect(failing).rejects.toMatchObject({ code: '23503' });
    }
  });

  it('sees what its transaction has written, and nobody else does before the end', async () => {
    await withTenantPrisma(fixture.api, fixture.tenant, async (tx) => {
      leaveNudge(tx, proposalId);
      const { tenant: tenantId } = fixture;
      const [here] = await tx.rows<{ count: number }>('SELECT count(*)::int AS count FROM exequatur.nudge');
      expect(await tx.prisma.proposal.count({ where: { tenantId } })).toBe(1);
      expect(await nudges()).toBe((here?.count ?? 0) - 1);
      tx.undo();
    });
  });
});
