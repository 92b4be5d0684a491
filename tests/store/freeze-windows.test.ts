// What is approved waits for its time: freeze windows and executeAfter; on a clone from tests/support/database.ts, whose clock is moved.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NewFreezeWindow, removeFreezeWindow, setFreezeWindow } from '../../store/change-freeze-window.ts';
import { createProposal } from '../../store/create-proposal.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { listFreezeWindows } from '../../store/freeze-windows.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import { resolveActor } from '../../store/standing.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import { agent, building, caller, expectDone, type Fixture, keeper1, openFixture, shareDatabase, simulated } from './fixture.ts';
import { uploaded } from './govern.ts';

shareDatabase();
let fixture: Fixture;
const [operator1, operator2] = [caller('operator-1'), caller('operator-2')];
const minute = 60_000;
beforeEach(async () => {
  fixture = await openFixture();
  for (const who of [operator1, operator2]) await fixture.inApi((tx) => resolveActor(tx, who));
});
afterEach(() => fixture.close());

const now = async () => {
  const [row] = await fixture.inApi((tx) => tx.rows<{ now: Date }>('SELECT exequatur.clock() AS now'));
  return row?.now.getTime() ?? 0;
};
const at = (ms: number) => new Date(ms).toISOString();
const set = (window: Partial<NewFreezeWindow>, by = operator1) =>
  fixture.inApi((tx) => setFreezeWindow(tx, { name: 'stocktaking', reason: 'counting', ...window, by }, fixture.deps));
const remove = (by = operator1, name = 'stocktaking') =>
  fixture.inApi((tx) => removeFreezeWindow(tx, { name, reason: 'done', by }, fixture.deps));
const open = async (minutes: number, more: Partial<NewFreezeWindow> = {}) => {
  const from = await now();
  return expectDone(await set({ once: { from: at(from - minute), until: at(from + minutes * minute) }, ...more }));
};
let floors = 0;
const approved = async () => {
  const plan = await fixture.planned('askFloor', { name: `W${++floors}` });
  await fixture.review(plan, keeper1);
  return plan.proposalId;
};
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const nudged = (proposalId: string) =>
  fixture.inApi(async (tx) => {
    const rows = await tx.rows('SELECT 1 FROM exequatur.nudge n WHERE n.proposal_id = $1::uuid AND n.delivered_at IS NULL', [proposalId]);
    return rows.length > 0;
  });

describe('a freeze window on some objects', () => {
  const frozen = { objects: { type: 'room', filter: 'seats > 5' } };
  beforeEach(async () => {
    const rooms = [
      { code: 'BIG', seats: 9 },
      { code: 'SMALL', seats: 2 },
    ];
    await fixture.done('addFloor', { name: 'G', rooms });
  });
  const planned = async (action: string, parameters: object) => (await fixture.planned(action, parameters as never)).proposalId;

  it('holds plans that touch one of them, as it is then, by itself or by its links, and no others', async () => {
    const [big, small, joined, floor] = [
      await planned('setSeats', { room: 'BIG', seats: 1 }),
      await planned('setSeats', { room: 'SMALL', seats: 7 }),
      await planned('join', { a: 'SMALL', b: 'BIG' }),
      await approved(),
    ];
    expect(await open(10, frozen)).toMatchObject({ actionType: null, ...frozen });
    for (const held of [big, joined])
      expect(await execute(held)).toMatchObject({ status: 'scheduled', held: expect.stringContaining('window/stocktaking') });
    for (const free of [small, floor]) expect(await execute(free)).toMatchObject({ status: 'executed' });
    expect(await execute(await planned('setSeats', { room: 'SMALL', seats: 8 }))).toMatchObject({ status: 'scheduled' }); // It has seven seats now.
    await expect(executePastTheGate(fixture, big)).rejects.toMatchObject({ code: 'XQ018' });
    await fixture.database.advanceClock(10 * minute);
    expect(await execute(big)).toMatchObject({ status: 'executed' });
  });

  it('holds what would create one, of which nothing can be asked yet', async () => {
    await open(10, frozen);
    expect(await execute(await planned('addFloor', { name: 'H', rooms: [{ code: 'NEW' }] }))).toMatchObject({ status: 'scheduled' });
    expect(await execute(await planned('addFloor', { name: 'I', rooms: [] }))).toMatchObject({ status: 'executed' });
  });

  it.each([
    [{ type: 'roof', filter: 'true' }, '/objects/type', 'unknown_object_type'],
    [{ type: 'room', filter: 'seats >' }, '/objects/filter', 'invalid_filter'],
    [{ type: 'room', filter: "colour == 'red'" }, '/objects/filter', 'invalid_filter'],
  ])('is refused with a pointer: %o', async (objects, pointer, refused) => {
    const once = { from: at(await now()), until: at((await now()) + minute) };
    expect(await set({ once, objects })).toMatchObject({ refused, faults: [{ pointer }] });
  });

  it('does not ask for what is sensitive', async () => {
    const document = structuredClone(building);
    Object.assign(document.objectTypes.room.properties.note, { sensitive: true });
    expectDone(await uploaded(fixture, document as never));
    const once = { from: at(await now()), until: at((await now()) + minute) };
    expect(await set({ once, objects: { type: 'room', filter: "note == 'secret'" } })).toMatchObject({ refused: 'sensitive_property' });
  });
});

describe('a freeze window', () => {
  it('holds what is approved until it closes, says so, and then lets it through', async () => {
    const proposalId = await approved();
    const { openUntil } = await open(10);
    const held = await execute(proposalId);
    expect(held).toMatchObject({ status: 'scheduled', held: `window/stocktaking until ${openUntil}` });
    expect(held?.waitMs).toBeGreaterThan(9 * minute);
    expect(held?.waitMs).toBeLessThan(10 * minute + 1);
    expect(await fixture.read(proposalId)).toMatchObject({ status: 'scheduled', held: { by: 'window/stocktaking', until: openUntil } });
    expect(await execute(proposalId)).toMatchObject({ status: 'scheduled' });
    await fixture.database.advanceClock(10 * minute);
    expect(await execute(proposalId)).toMatchObject({ status: 'executed' });
    expect(await fixture.read(proposalId)).toMatchObject({ status: 'executed', held: null });
  });

  it('that opens while another is open holds on; the longest is told', async () => {
    const proposalId = await approved();
    await open(10);
    await execute(proposalId);
    await open(30, { name: 'audit' });
    expect(await execute(proposalId)).toMatchObject({ held: expect.stringMatching(/^window\/audit until/) });
    await fixture.database.advanceClock(11 * minute);
    expect(await execute(proposalId)).toMatchObject({ status: 'scheduled' });
  });

  it('of an action type concerns no other', async () => {
    const proposalId = await approved();
    await open(10, { actionType: 'closeRoom' });
    expect(await execute(proposalId)).toMatchObject({ status: 'executed' });
    expect(await set({ name: 'none', actionType: 'nothing', once: { from: at(0), until: at(1) } })).toMatchObject({
      faults: [{ pointer: '/actionType' }],
    });
  });

  it('does not keep a proposal beyond its time', async () => {
    const proposalId = await approved();
    await open(120);
    expect((await execute(proposalId))?.waitMs).toBeLessThan(60 * minute + 1);
    await fixture.database.advanceClock(61 * minute);
    expect(await execute(proposalId)).toMatchObject({ status: 'expired' });
  });

  it('is seen by the database itself: whoever skips the look ahead executes nothing', async () => {
    const proposalId = await approved();
    await open(10);
    const direct = executePastTheGate(fixture, proposalId);
    await expect(direct).rejects.toMatchObject({ code: 'XQ018' });
  });

  it('lets nothing commit after the answer, however many executions were under way', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, approved));
    const executions = async () => {
      const [row] = await fixture.inApi((tx) => tx.rows<{ count: number }>('SELECT count(*)::int AS count FROM exequatur.execution'));
      return row?.count;
    };
    const running = ids.map(execute);
    await open(10);
    const atTheAnswer = await executions();
    const outcomes = await Promise.all(running);
    expect(await executions()).toBe(atTheAnswer);
    expect(outcomes.filter((outcome) => outcome?.status === 'scheduled')).toHaveLength(12 - (atTheAnswer ?? 0));
  });

  it('is not changed, and the same again changes nothing', async () => {
    const first = await open(10);
    const same = { once: { from: first.once?.from ?? '', until: first.once?.until ?? '' } };
    expect(await set(same)).toMatchObject({ createdAt: first.createdAt });
    expect(await set({ once: { ...same.once, until: at(Date.parse(same.once.until) + 1) } })).toMatchObject({ refused: 'window_exists' });
  });

  it('is set by operators, and removed by two of them, while its time is not over; what it held is looked at', async () => {
    expect(await set({ once: { from: at(0), until: at(1) } }, keeper1)).toMatchObject({ refused: 'forbidden' });
    const proposalId = await approved();
    await open(10);
    await execute(proposalId);
    expect(await remove()).toMatchObject({ removed: false, window: { removalAskedBy: { id: 'operator-1' } } });
    expect(await remove()).toMatchObject({ removed: false });
    expect(await execute(proposalId)).toMatchObject({ status: 'scheduled' });
    expect(await nudged(proposalId)).toBe(false);
    expect(await remove(operator2)).toMatchObject({ removed: true });
    expect(await nudged(proposalId)).toBe(true);
    expect(await execute(proposalId)).toMatchObject({ status: 'executed' });
    await open(10);
    await fixture.database.advanceClock(11 * minute);
    expect(await remove()).toMatchObject({ removed: true });
    expect(await fixture.inApi(listFreezeWindows)).toEqual([]);
  });

  it('is not removed by another for what was asked a day ago', async () => {
    await open(3 * 24 * 60);
    expect(await remove()).toMatchObject({ removed: false });
    await fixture.database.advanceClock(24 * 60 * minute);
    expect(await fixture.inApi(listFreezeWindows)).toMatchObject([{ removalAskedBy: null }]);
    expect(await remove(operator2)).toMatchObject({ removed: false, window: { removalAskedBy: { id: operator2.id } } });
    expect(await remove()).toMatchObject({ removed: true });
  });
});

describe('a weekly window', () => {
  const berlin = (days: NonNullable<NewFreezeWindow['weekly']>['days'], from: string, until: string) => ({
    weekly: { days, from, until, timeZone: 'Europe/Berlin' },
  });
  const openAt = async (instant: string) => {
    const [row] = await fixture.inApi((tx) =>
      tx.rows<{ until: Date | null }>('SELECT exequatur.open_until(w, $1::timestamptz) AS until FROM exequatur.freeze_window w', [instant]),
    );
    return row?.until?.toISOString() ?? null;
  };

  it('goes over midnight into the next day', async () => {
    expectDone(await set(berlin(['friday'], '22:00', '06:00')));
    expect(await openAt('2026-11-20T20:59:59Z')).toBeNull();
    expect(await openAt('2026-11-20T21:00:00Z')).toBe('2026-11-21T05:00:00.000Z');
    expect(await openAt('2026-11-21T04:59:59Z')).toBe('2026-11-21T05:00:00.000Z');
    expect(await openAt('2026-11-21T05:00:00Z')).toBeNull();
    expect(await openAt('2026-11-21T21:30:00Z')).toBeNull();
  });

  it('is meant by the clocks there, on the nights on which they are changed', async () => {
    expectDone(await set(berlin(['sunday'], '01:30', '03:30')));
    expect(await openAt('2026-03-29T00:30:00Z')).toBe('2026-03-29T01:30:00.000Z'); // One hour long: 2 o'clock does not come.
    expect(await openAt('2026-03-29T01:30:00Z')).toBeNull();
    expect(await openAt('2026-10-25T00:00:00Z')).toBe('2026-10-25T02:30:00.000Z'); // Three hours long: 2 o'clock comes twice.
    expect(await openAt('2026-10-25T02:29:59Z')).toBe('2026-10-25T02:30:00.000Z');
  });

  it('holds all of an hour that comes twice, and opens no later for one that does not come', async () => {
    expectDone(await set(berlin(['sunday'], '02:30', '04:00')));
    expect(await openAt('2026-10-25T00:29:59Z')).toBeNull();
    expect(await openAt('2026-10-25T00:30:00Z')).toBe('2026-10-25T03:00:00.000Z');
    expect(await openAt('2026-10-25T01:15:00Z')).toBe('2026-10-25T03:00:00.000Z');
    expect(await openAt('2026-03-29T01:00:00Z')).toBe('2026-03-29T02:00:00.000Z'); // 3 o'clock, when it is 2:30 nowhere.
    expect(await openAt('2026-03-29T02:00:00Z')).toBeNull();
    expect(await openAt('2026-11-22T01:29:59Z')).toBeNull();
    expect(await openAt('2026-11-22T01:30:00Z')).toBe('2026-11-22T03:00:00.000Z');
  });

  it('lasts a day where it ends when it begins, and asks for a time zone that there is', async () => {
    expectDone(await set(berlin(['monday', 'tuesday', 'monday'], '00:00', '00:00')));
    expect(await openAt('2026-11-23T12:00:00Z')).toBe('2026-11-23T23:00:00.000Z');
    expect((await fixture.inApi(listFreezeWindows))[0]?.weekly).toEqual({
      days: ['monday', 'tuesday'],
      from: '00:00',
      until: '00:00',
      timeZone: 'Europe/Berlin',
    });
    const nowhere = { weekly: { days: ['monday' as const], from: '00:00', until: '01:00', timeZone: 'Europe/Nowhere' } };
    expect(await set({ name: 'other', ...nowhere })).toMatchObject({ faults: [{ pointer: '/weekly/timeZone' }] });
  });
});

describe('executeAfter', () => {
  const propose = (executeAfter: string, idempotencyKey: string) =>
    fixture.inApi((tx) =>
      createProposal(
        tx,
        {
          actionType: 'setSeats',
          parameters: { room: 'A1', seats: 3 },
          justification: 'because',
          proposer: agent,
          executeAfter,
          idempotencyKey,
        },
        fixture.deps,
      ),
    );

  it('holds what is approved until then', async () => {
    await fixture.done('addFloor', { name: 'A', rooms: [{ code: 'A1' }] });
    const later = at((await now()) + 30 * minute);
    const { proposalId } = expectDone(await propose(later, 'k1'));
    expect(expectDone(await propose(later, 'k1'))).toMatchObject({ proposalId, repeated: true });
    expect(await propose(at(Date.parse(later) + 1), 'k1')).toMatchObject({ refused: 'idempotency_key_reused' });
    expect(await simulated(fixture, proposalId)).toMatchObject({ status: 'approved' });
    expect(await execute(proposalId)).toMatchObject({ status: 'scheduled', held: `executeAfter until ${later}` });
    expect(await fixture.read(proposalId)).toMatchObject({ executeAfter: later, held: { by: 'executeAfter', until: later } });
    await fixture.database.advanceClock(29 * minute);
    expect(await settleProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps)).toMatchObject({ status: 'scheduled' });
    await fixture.database.advanceClock(minute + 1_000);
    expect(await execute(proposalId)).toMatchObject({ status: 'executed' });
  });

  it('is refused where the proposal will have expired', async () => {
    await fixture.done('addFloor', { name: 'A', rooms: [{ code: 'A1' }] });
    expect(await propose(at((await now()) + 61 * minute), 'k2')).toMatchObject({
      refused: 'execute_after_expiry',
      faults: [{ pointer: '/executeAfter' }],
    });
  });
});
