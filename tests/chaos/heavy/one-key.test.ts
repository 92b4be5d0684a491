import { afterEach, describe, expect, it } from 'vitest';
import { LampService } from '../lamp-service.ts';

// On the run's servers: tests/support/database.ts, tests/support/temporal.ts.
let service: LampService;
afterEach(() => service?.close());

describe('one idempotency key', () => {
  it('fifty times at once over two API processes, of which one is killed in the middle, is one proposal', async () => {
    service = await LampService.open({ apis: 2 });
    const { shop, apis } = service;
    await shop.installed('hall');
    // Each transaction ends with its audit entry, so whoever holds the key stands there, and the others wait for the key.
    const letGo = await service.hold('SELECT FROM exequatur.audit_head WHERE tenant_id = $1 FOR UPDATE', [shop.tenant]);
    const sent = (to: number) => Array.from({ length: 25 }, () => service.propose('hall', 40, to));
    const ofTheFirst = sent(0);
    await expect.poll(() => service.isHeld('exequatur-api'), { interval: 20 }).toBe(true);
    const ofTheSecond = sent(1);
    await expect.poll(waitingInApi, { interval: 20 }).toBeGreaterThan(10); // More than one process has connections.
    apis.processes[0]?.kill();
    await letGo();
    const answers = await Promise.all([...ofTheFirst, ...ofTheSecond]);
    expect(answers.filter(({ unheard }) => unheard > 0).length).toBeGreaterThanOrEqual(25);
    for (const { status } of answers) expect([201, 202]).toContain(status);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await shop.query(`SELECT count(*)::int FROM exequatur.proposal WHERE action_type = 'dim'`)).toEqual([{ count: 1 }]);
    const ids = [answers[0]?.body.id as string];
    await service.untilStatus(ids, 'awaiting_approval');
    await service.approve(ids[0] as string);
    await service.expectExecutedOnce(ids);
  });

  it('under which the answer to a COMMIT is lost, whichever it is, is one proposal, and a review so lost counts once', async () => {
    service = await LampService.open();
    const { shop, proxy } = service;
    const lostAt: number[] = [];
    let most = 1;
    for (let nth = 0; nth <= most; nth++) {
      await shop.installed(`lamp-${nth}`);
      proxy.loseCommits((at) => {
        if (at === nth) lostAt.push(nth);
        return at === nth;
      });
      const { body } = await service.propose(`lamp-${nth}`, nth);
      await service.untilStatus([body.id], 'awaiting_approval');
      expect([201, 409]).toContain((await service.approve(body.id)).status); // 409 where it was stored and the answer lost.
      if (nth === 0) most = proxy.commits();
      proxy.loseCommits(() => false);
      await service.expectExecutedOnce([body.id]);
    }
    expect(await shop.query(`SELECT count(*)::int FROM exequatur.proposal WHERE action_type = 'dim'`)).toEqual([{ count: most + 1 }]);
    expect(lostAt).toEqual(expect.arrayContaining([1, 2, 3])); // How many there are after the first few depends on how often the state is looked at.
    console.log(JSON.stringify({ commitsOfApiLost: lostAt.length }));
  });
});

async function waitingInApi(): Promise<number> {
  const [row] = await service.shop.query<{ count: number }>(
    `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'exequatur-api%' AND wait_event_type = 'Lock'`,
  );
  return row?.count ?? 0;
}
