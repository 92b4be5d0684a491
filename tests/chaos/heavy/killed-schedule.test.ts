// On the run's servers: tests/support/database.ts, tests/support/temporal.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { missedRunsOptions, missedRunsWorkflowType, ranAs } from '../../../workflows/scheduled-run.contract.ts';
import { holdLocks, waitsForLock } from '../held-locks.ts';
import { losingEach } from '../losing-each.ts';
import { ParcelService } from '../parcel-service.ts';
import { YearlySchedule } from '../yearly-schedule.ts';

let service: ParcelService;
beforeAll(async () => {
  service = await ParcelService.open();
}, 300_000);
afterAll(() => service?.close());

let weight = 10;
let schedule: YearlySchedule;
beforeEach(() => weighing());
/** Each run is to change something. */
async function weighing(): Promise<void> {
  weight += 1;
  schedule = await YearlySchedule.open(service.shop, 'weigh', { parcel: 'P1', weight });
}

const killed = { timeout: 300_000 }; // A worker that was killed is missed after seconds, at each commit.

describe('a worker killed with kill -9', killed, () => {
  it('in the middle of a run of a schedule leaves nothing of it, and its successor makes the proposal once', async () => {
    const { shop, worker } = service;
    const letGo = await holdLocks(shop, 'LOCK TABLE exequatur.schedule_run IN SHARE MODE');
    const at = await schedule.trigger();
    await expect.poll(() => waitsForLock(shop, 'exequatur-worker'), { timeout: 60_000, interval: 20 }).toBe(true);
    worker.kill();
    await letGo();
    await expectRunOnce(at);
  });

  it('once a run was stored, with its workflow lost as well, leaves the proposal to the relay', async () => {
    const { shop, worker, proxy } = service;
    const lost = new Promise<void>((resolve) => {
      proxy.loseCommit(1, () => {
        worker.kill();
        resolve();
      });
    });
    const at = await schedule.trigger();
    await lost;
    await shop.client.workflow.getHandle(ranAs({ tenantId: shop.tenant, scheduleId: schedule.id }, at, at)).terminate('lost');
    await expectRunOnce(at);
  });

  it('at each commit of a run in turn, with the answer to it, repeats nothing', async () => {
    const { proxy, worker } = service;
    const act = async () => expectRunOnce(await schedule.trigger());
    const commitsLost = await losingEach({ proxy, worker, kills: true, ready: weighing, act });
    expect(commitsLost).toBeGreaterThan(2);
    console.log(JSON.stringify({ commitsLost, of: 'a run' }));
  });

  it('at each commit in turn of putting missed runs on record, with the answer to it, puts each there once', async () => {
    const { shop, proxy, worker } = service;
    const { tenant: tenantId, taskQueue } = shop;
    const commitsLost = await losingEach({
      proxy,
      worker,
      kills: true,
      async act(nth) {
        const missed = [1, 2, 3].map((day) => new Date(Date.UTC(2025, nth, day)).toISOString());
        const options = missedRunsOptions({ tenantId, scheduleId: schedule.id, missed }, 'weigh', taskQueue);
        await (await shop.client.workflow.start(missedRunsWorkflowType, options)).result();
        for (const at of missed) expect(await schedule.run(at)).toEqual({ proposalId: null, refused: 'schedule_missed' });
        const told = await shop.query<{ at: string }>(
          `SELECT data ->> 'nominalAt' AS at FROM exequatur.outbox WHERE type = 'schedule.run_refused' AND data ->> 'nominalAt' = ANY ($1) ORDER BY 1`,
          [missed],
        );
        expect(told.map(({ at }) => at)).toEqual(missed);
      },
    });
    expect(commitsLost).toBeGreaterThan(2);
    console.log(JSON.stringify({ commitsLost, of: 'missed runs' }));
  });
});

/** The run made one proposal, which is executed once. */
async function expectRunOnce(at: string): Promise<void> {
  const { shop } = service;
  const proposal = await schedule.proposalOf(at);
  expect(await service.ended(proposal)).toBe('executed');
  expect(await shop.outcome(proposal)).toBe('executed');
  expect(await shop.traces(proposal)).toEqual({ executions: 1, history: 1, executedEvents: 1, plans: 1 });
  const made = await shop.query(`SELECT id::text AS id FROM exequatur.proposal WHERE justification = 'every year' AND created_at >= $1`, [
    at,
  ]);
  expect(made).toEqual([{ id: proposal }]);
}
