// Schedules on a real Temporal server, with the relay and the worker as they are in production: tests/workflows/lamp-shop.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openWorkflowGateway } from '../../api/workflow-gateway.ts';
import { keepSchedules } from '../../events/keep-schedules.ts';
import { watchSchedules } from '../../events/watch-schedules.ts';
import type { Caller } from '../../ontology/authority.ts';
import type { OntologyDocument } from '../../ontology/definition.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { isRefusal } from '../../store/refusal.ts';
import { schedulesToTell } from '../../store/relay-work.ts';
import { abandonRun, runSchedule } from '../../store/run-schedule.ts';
import {
  changeSchedule,
  createSchedule,
  type NewSchedule,
  readSchedule,
  type ScheduleView,
  triggerSchedule,
} from '../../store/schedules.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { temporalScheduleId } from '../../workflows/scheduled-run.contract.ts';
import { LampShop } from '../workflows/lamp-shop.ts';
import { keeper, lamps } from '../workflows/lamps.ts';

let shop: LampShop;
afterEach(() => shop?.close());

const issued = '2026-01-01T00:00:00.000Z';
const operator: Caller = { id: 'operator', kind: 'user', roles: ['operator'], tokenIssuedAt: issued };
const clerk: Caller = { id: 'clerk', kind: 'user', roles: ['clerk'], tokenIssuedAt: issued };
const policyAdmin: Caller = { id: 'policy-admin', kind: 'user', roles: ['ontology-admin'], tokenIssuedAt: issued };
const accessAdmin: Caller = { id: 'access-admin', kind: 'user', roles: ['access-admin'], tokenIssuedAt: issued };

const relay = (everything = false) =>
  keepSchedules({ pool: shop.relayPool, client: shop.client, taskQueue: shop.taskQueue, logger: openLogger('test') }, everything);
const wish = (more: Partial<NewSchedule> = {}): NewSchedule => ({
  ...{ actionType: 'dim', parameters: { lamp: 'hall', level: 7 }, justification: 'every night', timing: { every: 'PT1S' } },
  ...{ skipWhileOpen: false, owner: clerk, ...more },
});
async function made(more: Partial<NewSchedule> = {}): Promise<ScheduleView> {
  const outcome = await shop.inApi((tx) => createSchedule(tx, wish(more), shop.deps));
  if (isRefusal(outcome)) throw new Error(JSON.stringify(outcome));
  return outcome;
}
async function change(id: string, wanted: 'pause' | 'resume' | 'delete', by = clerk) {
  return shop.inApi((tx) => changeSchedule(tx, { id, change: wanted, reason: 'because', by }, shop.deps));
}
const view = async (id: string) => (await shop.inApi((tx) => readSchedule(tx, id))) as ScheduleView;
const runsOf = async (id: string) => (await view(id)).runs;
const run = (scheduleId: string, nominalAt: string) => runSchedule(shop.workerPool, shop.tenant, { scheduleId, nominalAt }, shop.deps);

async function opened(): Promise<void> {
  shop = await LampShop.open();
  await shop.startWorker();
  await shop.installed('hall', 'porch');
}

describe('a schedule', () => {
  it('makes a proposal of its own at each of its times, which goes its way like any other', async () => {
    await opened();
    const { id } = await made();
    expect(await relay()).toBe(1);
    expect(await relay()).toBe(0);
    await expect.poll(async () => (await runsOf(id)).length).toBeGreaterThanOrEqual(3);
    await change(id, 'delete');
    await relay();
    const runs = await runsOf(id);
    expect(new Set(runs.map(({ nominalAt }) => nominalAt)).size).toBe(runs.length);
    expect(new Set(runs.map(({ proposalId }) => proposalId)).size).toBe(runs.length);
    for (const { proposalId } of runs) await expect.poll(() => shop.status(proposalId ?? '')).toBe('awaiting_approval');
    const [first] = runs;
    await shop.review(first?.proposalId ?? '');
    await shop.nudge(first?.proposalId ?? '');
    await expect.poll(() => shop.lampLevel('hall')).toBe(7);
  });

  it('is made up by the relay where Temporal has lost it, and stays away where it was paused', async () => {
    await opened();
    const { id } = await made({ timing: { cron: '0 6 * * MON-FRI', timeZone: 'Europe/Vienna' } });
    await relay();
    const handle = shop.client.schedule.getHandle(temporalScheduleId({ tenantId: shop.tenant, scheduleId: id }));
    expect((await handle.describe()).info.nextActionTimes.length).toBeGreaterThan(0);
    await handle.delete();
    expect(await relay()).toBe(0);
    expect(await relay(true)).toBe(1);
    await handle.describe();
    await change(id, 'pause');
    await relay();
    await expect(handle.describe()).rejects.toThrow();
    expect(await relay(true)).toBe(0);
    await change(id, 'resume');
    await relay();
    await handle.describe();
    await change(id, 'delete');
    await relay();
  });

  it.each([
    ['30 1 * * *', '2027-11-06T12:00:00Z', ['2027-11-07T06:30:00.000Z', '2027-11-07T07:30:00.000Z', '2027-11-08T07:30:00.000Z']],
    ['30 2 * * *', '2027-03-13T12:00:00Z', ['2027-03-15T07:30:00.000Z']],
    ['0 6 13 * FRI', '2027-01-01T00:00:00Z', ['2027-08-13T11:00:00.000Z']],
  ])(
    'comes by the clocks of its time zone, twice in an hour that is repeated and never in one that is left out, and on days that fit both: %s',
    async (cron, startsAt, times) => {
      await opened();
      const { id } = await made({ timing: { cron, timeZone: 'America/Chicago', startsAt } });
      await relay();
      const { info } = await shop.client.schedule.getHandle(temporalScheduleId({ tenantId: shop.tenant, scheduleId: id })).describe();
      expect(info.nextActionTimes.slice(0, times.length).map((time) => time.toISOString())).toEqual(times);
    },
  );

  it('may be of a change set, which each run proposes as a whole', async () => {
    await opened();
    const [first, second] = [7, 3].map((level) => ({ actionType: 'dim', parameters: { lamp: 'hall', level } }));
    const { id } = await made({
      actionType: 'dim+',
      parameters: { actions: [first, second] } as unknown as JsonValue,
      timing: { cron: '0 6 * * *' },
    });
    const outcome = await run(id, '2027-01-01T06:00:00.000Z');
    expect(outcome).toMatchObject({ kind: 'proposed', actionType: 'dim+' });
    expect(await runsOf(id)).toMatchObject([{ refused: null }]);
  });

  it('that Temporal does not take stands in the way of no other', async () => {
    await opened();
    const { id } = await made();
    const zones = `UPDATE exequatur.schedule SET timing = '{"cron": "0 6 * * *", "timeZone": "Mars/Olympus"}' WHERE id = $1::uuid`;
    await shop.query(zones, [id]);
    const others = await Promise.all([made({ timing: { cron: '0 6 * * *' } }), made({ timing: { cron: '0 7 * * *' } })]);
    expect(await relay()).toBe(2);
    for (const other of others)
      await shop.client.schedule.getHandle(temporalScheduleId({ tenantId: shop.tenant, scheduleId: other.id })).describe();
  });

  it('is found after any other, page by page', async () => {
    await opened();
    const ids = [];
    for (const _ of [1, 2, 3]) ids.push((await made({ timing: { cron: '0 6 * * *' } })).id);
    const first = await schedulesToTell(shop.relayPool, { everything: true, limit: 2 });
    const after = first.at(-1);
    if (after === undefined) throw new Error('there is no first page');
    const second = await schedulesToTell(shop.relayPool, { everything: true, limit: 2, after });
    expect([...first, ...second].map(({ scheduleId }) => scheduleId).sort()).toEqual(ids.sort());
  });

  it.each(['utc', '+01:00', 'Mars/Olympus', 'europe/vienna'])('is in no time zone that Temporal may not know: %s', async (timeZone) => {
    await opened();
    const outcome = await shop.inApi((tx) => createSchedule(tx, wish({ timing: { cron: '0 6 * * *', timeZone } }), shop.deps));
    expect(outcome).toMatchObject({ refused: 'malformed_request', faults: [{ pointer: '/timing/timeZone' }] });
  });

  it('runs at once where somebody asks for that, once, and tells its next times', async () => {
    await opened();
    const hour = String((new Date().getUTCHours() + 12) % 24).padStart(2, '0'); // Far from now, so that it runs at none of its times.
    const { id } = await made({ timing: { cron: `0 ${hour} * * MON-FRI` } });
    const trigger = (by = clerk) => shop.inApi((tx) => triggerSchedule(tx, { id, reason: 'now', by }, shop.deps));
    expect(await trigger(keeper)).toMatchObject({ refused: 'forbidden' });
    const { triggered } = (await trigger()) as ScheduleView;
    await relay();
    await relay(true);
    await expect.poll(async () => (await runsOf(id)).length).toBe(1);
    await relay(true); // As after Temporal was asked for everything again.
    expect(await runsOf(id)).toMatchObject([{ nominalAt: triggered?.at, refused: null }]);
    const gateway = openWorkflowGateway(
      { TEMPORAL_ADDRESS: shop.temporal, TEMPORAL_NAMESPACE: 'default', EXEQUATUR_TASK_QUEUE: shop.taskQueue },
      { tracing: { plugins: [] }, logger: openLogger('test') },
    );
    const next = await gateway.nextRuns({ tenantId: shop.tenant, scheduleId: id });
    expect(next?.length).toBeGreaterThan(0);
    expect(next?.every((time) => time.endsWith(`T${hour}:00:00.000Z`))).toBe(true);
    expect(await gateway.nextRuns({ tenantId: shop.tenant, scheduleId: shop.tenant })).toBeNull();
    await gateway.close();
    await change(id, 'pause');
    expect(await trigger()).toMatchObject({ refused: 'schedule_not_active' });
  });

  it('runs once at an instant', async () => {
    await opened();
    const { id } = await made({ timing: { at: new Date(Date.now() + 5_000).toISOString() } });
    await relay();
    await expect.poll(async () => (await runsOf(id)).length).toBe(1);
    await sleep(2_000);
    expect(await runsOf(id)).toHaveLength(1);
  });

  it('runs once though its instant passes before Temporal is told of it', async () => {
    await opened();
    const { id } = await made({ timing: { at: new Date(Date.now() + 3_600_000).toISOString() } });
    // As if the hour had passed, but for two seconds.
    const passed = `UPDATE exequatur.schedule SET timing = jsonb_build_object('at', $2::text) WHERE id = $1::uuid`;
    await shop.query(passed, [id, new Date(Date.now() - 2_000).toISOString()]);
    await relay();
    await expect.poll(async () => (await runsOf(id)).length).toBe(1);
    await relay(true);
    await sleep(1_000);
    expect(await runsOf(id)).toHaveLength(1);
  });
});

describe('a run', () => {
  it('is made once, however often and at once it is asked for', async () => {
    await opened();
    const { id } = await made();
    const at = '2026-11-24T06:00:00.000Z';
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => run(id, at)));
    const again = await run(id, at);
    expect(again.kind).toBe('proposed');
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') expect(outcome.value).toEqual(again);
    expect(await runsOf(id)).toMatchObject([{ nominalAt: at, refused: null }]);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    [
      'its owner is disabled',
      () => shop.inApi((tx) => putPrincipal(tx, { id: 'clerk', change: { disabled: true }, by: accessAdmin } as never, shop.deps)),
      'forbidden',
    ],
    [
      'the action is switched off',
      () => shop.inApi((tx) => putSwitch(tx, { scope: 'actionType', name: 'dim', state: 'off', reason: 'x', by: operator }, shop.deps)),
      'switched_off',
    ],
    [
      'the policies that are in force by then forbid it',
      async () => {
        const policies = {
          all: 'permit (principal, action, resource);',
          not: 'forbid (principal, action == Action::"propose", resource);',
        };
        const { proposalId } = await shop.write((tx) => putPolicies(tx, { policies, cases: [] }, policyAdmin, shop.deps));
        await shop.enact(proposalId ?? '');
        return {};
      },
      'policy_forbids',
    ],
  ])('makes no proposal where %s, and says so', async (_, happens, code) => {
    await opened();
    const { id } = await made();
    const outcome = await happens();
    expect(isRefusal(outcome as object), JSON.stringify(outcome)).toBe(false);
    expect(await run(id, '2026-11-24T06:00:00.000Z')).toEqual({ kind: 'refused', code });
    expect(await runsOf(id)).toMatchObject([{ proposalId: null, refused: code }]);
    expect(await shop.query(`SELECT 1 FROM exequatur.outbox WHERE type = 'schedule.run_refused'`, [])).toHaveLength(1);
  });

  it('makes none for an object that is gone, nor while an earlier one is open where that was asked', async () => {
    await opened();
    const gone = await made({ parameters: { lamp: 'cellar', level: 1 } });
    expect(await run(gone.id, '2026-11-24T06:00:00.000Z')).toEqual({ kind: 'refused', code: 'unknown_reference' });
    const { id } = await made({ skipWhileOpen: true });
    expect(await run(id, '2026-11-24T06:00:00.000Z')).toMatchObject({ kind: 'proposed' });
    expect(await run(id, '2026-11-24T07:00:00.000Z')).toEqual({ kind: 'refused', code: 'schedule_skipped' });
  });

  it('makes one of those that begin together where the others are to be left out', async () => {
    await opened();
    const { id } = await made({ skipWhileOpen: true });
    const times = [6, 7, 8, 9, 10, 11].map((hour) => `2026-11-24T${String(hour).padStart(2, '0')}:00:00.000Z`);
    const outcomes = await Promise.all(times.map((at) => run(id, at)));
    expect(outcomes.filter(({ kind }) => kind === 'proposed')).toHaveLength(1);
    expect(outcomes.filter((one) => one.kind === 'refused' && one.code === 'schedule_skipped')).toHaveLength(5);
    expect(await runsOf(id)).toHaveLength(6);
  });

  it('is refused, and on record, where the definition fills in more, within what it says, than the schedule was made with', async () => {
    const document = structuredClone(lamps) as unknown as OntologyDocument;
    const colour = { type: 'string' as const, default: 'red' };
    Object.assign(document.actionTypes ?? {}, {
      paint: {
        parameters: {
          lamp: { type: 'reference', to: 'lamp', required: true },
          how: { type: 'struct', required: true, properties: { level: { type: 'integer', required: true }, colour } },
        },
        rules: [{ rule: 'modify', type: 'lamp', object: 'lamp', set: { level: 'how.level' } }],
        approvalPolicy: 'keeper',
      },
    });
    shop = await LampShop.open({ document: document as unknown as JsonValue });
    await shop.startWorker();
    await shop.installed('hall');
    const { id } = await made({ actionType: 'paint', parameters: { lamp: 'hall', how: { level: 7 } } });
    // As of a time when the definition had no such default.
    await shop.query(`UPDATE exequatur.schedule SET parameters = '{"lamp":"hall","how":{"level":7}}' WHERE id = $1::uuid`, [id]);
    expect(await run(id, '2026-11-24T06:00:00.000Z')).toEqual({ kind: 'refused', code: 'invalid_parameters' });
    expect(await runsOf(id)).toMatchObject([{ proposalId: null, refused: 'invalid_parameters', faults: [{ pointer: '/parameters' }] }]);
  });

  it('that no attempt could make is on record as refused, and told', async () => {
    await opened();
    const { id } = await made();
    const at = { scheduleId: id, nominalAt: '2026-11-24T06:00:00.000Z' };
    expect(await abandonRun(shop.workerPool, shop.tenant, at)).toEqual({ kind: 'refused', code: 'internal' });
    expect(await run(id, at.nominalAt)).toEqual({ kind: 'refused', code: 'internal' });
    expect(await runsOf(id)).toMatchObject([{ proposalId: null, refused: 'internal' }]);
    expect(await shop.query(`SELECT 1 FROM exequatur.outbox WHERE type = 'schedule.run_refused'`, [])).toHaveLength(1);
  });

  it('makes none once the schedule is paused or deleted', async () => {
    await opened();
    const { id } = await made();
    await change(id, 'pause');
    expect(await run(id, '2026-11-24T06:00:00.000Z')).toEqual({ kind: 'over' });
    await change(id, 'delete');
    expect(await run(id, '2026-11-24T07:00:00.000Z')).toEqual({ kind: 'over' });
    expect(await runsOf(id)).toEqual([]);
  });
});

describe('a run that could not begin', () => {
  const watch = () => watchSchedules({ pool: shop.relayPool, client: shop.client, taskQueue: shop.taskQueue, logger: openLogger('test') });
  const minutes = 60_000;
  /** The next full hour: no run is due while this test runs, for an hour and more. */
  const hour = () => Math.ceil((Date.now() + 5 * minutes) / (60 * minutes)) * 60 * minutes;
  const iso = (at: number) => new Date(at).toISOString();

  it('for so long that it is not made up for is on record as missed, told, and shown; what ran, or may yet run, is not', async () => {
    await opened();
    const { id } = await made({ timing: { every: 'PT1H' } });
    await relay();
    const first = hour();
    expect(await run(id, iso(first + 60 * minutes))).toMatchObject({ kind: 'proposed' });
    expect(await watch()).toBe(0);
    await shop.database.advanceClock(first + 185 * minutes - Date.now()); // Three hours are over, and the fourth began five minutes ago.
    expect(await watch()).toBe(2);
    await expect.poll(async () => (await runsOf(id)).length).toBe(3);
    const missed = { proposalId: null, refused: 'schedule_missed' };
    expect(await runsOf(id)).toMatchObject([
      { nominalAt: iso(first + 120 * minutes), ...missed },
      { nominalAt: iso(first + 60 * minutes), refused: null },
      { nominalAt: iso(first), ...missed },
    ]);
    const told = await shop.query<{ reason: string }>(
      `SELECT data ->> 'reason' AS reason FROM exequatur.outbox WHERE type = 'schedule.run_refused'`,
    );
    expect(told).toEqual([{ reason: 'schedule_missed' }, { reason: 'schedule_missed' }]);
    expect(await shop.query(`SELECT 1 FROM exequatur.audit_entry WHERE type = 'schedule.run_refused'`)).toHaveLength(2);
    expect(await watch()).toBe(0);
  });

  it('while the schedule was paused was not to begin', async () => {
    await opened();
    const { id } = await made({ timing: { every: 'PT1H' } });
    await relay();
    await change(id, 'pause');
    await shop.database.advanceClock(hour() + 70 * minutes - Date.now());
    await change(id, 'resume');
    await relay();
    await shop.database.advanceClock(25 * minutes);
    expect(await watch()).toBe(0);
  });

  it('because no worker was there is not missed: it begins once one is', async () => {
    shop = await LampShop.open();
    const { id } = await made({ actionType: 'install', parameters: { names: ['attic'] }, timing: { every: 'PT1H' } });
    await relay();
    const handle = shop.client.schedule.getHandle(temporalScheduleId({ tenantId: shop.tenant, scheduleId: id }));
    const at = Math.floor(Date.now() / (60 * minutes)) * 60 * minutes; // The last full hour, begun now.
    await handle.backfill({ start: new Date(at - 1_000), end: new Date(at), overlap: 'ALLOW_ALL' });
    await expect.poll(async () => (await handle.describe()).info.numActionsTaken).toBe(1);
    await handle.pause();
    await shop.query('UPDATE exequatur.schedule SET seen_until = $2::timestamptz, state_at = $2::timestamptz WHERE id = $1::uuid', [
      id,
      iso(at - 500),
    ]);
    await shop.database.advanceClock(at + 11 * minutes + 500 - Date.now());
    await shop.query(`UPDATE exequatur.schedule SET seen_until = seen_until - interval '10 minutes' WHERE id = $1::uuid`, [id]);
    expect(await watch()).toBe(0);
  });

  it('beside the times is missed as well', async () => {
    await opened();
    const { id } = await made({ timing: { cron: '0 6 1 1 *' } });
    const { triggered } = (await shop.inApi((tx) => triggerSchedule(tx, { id, reason: 'now', by: clerk }, shop.deps))) as ScheduleView;
    await shop.database.advanceClock(30 * minutes);
    await relay(); // Too late for the run.
    expect(await watch()).toBe(1);
    await expect.poll(() => runsOf(id)).toMatchObject([{ nominalAt: triggered?.at, refused: 'schedule_missed' }]);
  });
});

describe('whoever may', () => {
  it('schedule is whoever may propose; the key makes one', async () => {
    await opened();
    const ask = (more: Partial<NewSchedule>) => shop.inApi((tx) => createSchedule(tx, wish(more), shop.deps));
    expect(await ask({ owner: { ...clerk, id: 'auditor', roles: ['auditor'] } })).toMatchObject({ refused: 'forbidden' });
    expect(await ask({ actionType: 'nothing' })).toMatchObject({ refused: 'unknown_action_type' });
    expect(await ask({ parameters: { lamp: 'hall', level: 'x' } as JsonValue })).toMatchObject({
      refused: 'invalid_parameters',
      faults: [{ pointer: '/parameters/level' }],
    });
    const first = await made({ idempotencyKey: 'k' });
    expect((await made({ idempotencyKey: 'k' })).id).toBe(first.id);
    expect(await ask({ idempotencyKey: 'k', justification: 'another' })).toMatchObject({ refused: 'idempotency_key_reused' });
  });

  it('pause and delete are the owner and operators; what an operator paused the owner does not resume', async () => {
    await opened();
    const { id } = await made();
    expect(await change(id, 'pause', keeper)).toMatchObject({ refused: 'forbidden' });
    expect(await change(id, 'pause', operator)).toMatchObject({ state: 'paused', stateBy: 'operator', stateReason: 'because' });
    expect(await change(id, 'resume')).toMatchObject({ refused: 'forbidden' });
    expect(await change(id, 'resume', operator)).toMatchObject({ state: 'active' });
    expect(await change(id, 'delete')).toMatchObject({ state: 'deleted' });
    expect(await change(id, 'resume')).toMatchObject({ refused: 'schedule_not_changed' });
    expect(await change('00000000-0000-4000-8000-000000000000', 'pause')).toMatchObject({ refused: 'not_found' });
  });

  it('run a schedule is the worker, with what the schedule says alone', async () => {
    await opened();
    const { id } = await made();
    const call = (parameters: string) =>
      shop.workerPool.query(
        `SET app.tenant = '${shop.tenant}'; SELECT exequatur.run_schedule('${id}', now(), gen_random_uuid(), '${parameters}', '{}', 'x', '1 hour', NULL); RESET app.tenant`,
      );
    await expect(call('{"lamp":"hall","level":99}')).rejects.toMatchObject({ code: 'XQ006' });
    await expect(call('{"level":7}')).rejects.toMatchObject({ code: 'XQ006' });
  });
});
