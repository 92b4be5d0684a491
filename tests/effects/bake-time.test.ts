// Checks that are asked again and again: tests/effects/parcel-depot.ts. tests/effects/baking-workflow.test.ts has the same on Temporal.
import { afterEach, describe, expect, it } from 'vitest';
import type { CheckDefinition } from '../../ontology/effect-definition.ts';
import { cancelExecution } from '../../store/saga/cancel-execution.ts';
import { startAttempt } from '../../store/saga/start-attempt.ts';
import type { Settled } from '../../store/settle.ts';
import { expectDone, shareDatabase } from '../store/fixture.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier } from './parcel-domain.ts';
import type { Reply } from './receiver.ts';

shareDatabase();
let depot: Depot;
afterEach(() => depot?.close());

const bakeMs = 600_000;
const everyMs = bakeMs / 20;
const light: CheckDefinition = { name: 'light', bake: 'PT10M', holds: 'parcel.weight < 10' };
const booking = { webhook: { endpoint: 'carrier', path: ["'bookings'", { slot: 'booking' }] }, done: "answer.body.state == 'kept'" };
const kept: CheckDefinition = { name: 'kept', bake: 'PT10M', probe: booking };
const paths = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);
const undone = ['POST /bookings', 'DELETE /bookings/B1'];
const steps = async (proposal: string) => (await depot.fixture.read(proposal)).effects?.steps ?? [];

/** How the carrier answers the n-th question (from 0). */
function answerQuestions(reply: (n: number) => Reply): void {
  depot.carrier.behaviour = ({ method }, n) => (method === 'GET' ? reply(n) : undefined);
}

/** What is seen of a check's waits while its execution is driven to its end. */
async function driven(each: (settled: Settled, n: number) => Promise<unknown> | unknown = () => undefined) {
  const proposal = await depot.handOver();
  const waits: number[] = [];
  const ended = await depot.drive(proposal, async (settled) => {
    if (settled.status !== 'executing' || settled.waitMs === null) return;
    waits.push(settled.waitMs);
    await each(settled, waits.length);
  });
  return { proposal, ended, waits, total: waits.reduce((sum, ms) => sum + ms, 0) };
}

describe('a check with a bake time', () => {
  it('is asked at once and again through it, and once more at its end', async () => {
    depot = await openDepot([bookCarrier], [light]);
    const untils = new Set<string>();
    const { proposal, ended, waits, total } = await driven(({ bakes }, n) => {
      untils.add(bakes?.until ?? '');
      expect(bakes?.asked).toBe(n);
    });
    expect(ended.status).toBe('executed');
    expect(untils.size).toBe(1);
    expect(Math.max(...waits)).toBeLessThanOrEqual(everyMs);
    expect(total).toBeGreaterThan(bakeMs - 30_000);
    expect((await steps(proposal)).at(-1)).toMatchObject({
      name: 'light',
      state: 'done',
      attempts: waits.length + 1,
      bakesUntil: [...untils][0],
    });
    expect(paths()).toEqual(['POST /bookings']);
    expect(depot.ends.map(({ state }) => state)).toEqual(['done', 'done']); // Told when it is over, and not at each asking.
  });

  it('undoes everything at the first asking that it does not hold at, and not at the end', async () => {
    depot = await openDepot([bookCarrier], [light]);
    const { ended, waits } = await driven((_, n) => n === 3 && depot.fixture.done('weigh', { parcel: 'P1', weight: 11 }));
    expect(ended).toMatchObject({ status: 'failed', failure: { faults: [{ code: 'check_failed', message: 'light: it does not hold' }] } });
    expect(waits).toHaveLength(3);
    expect(paths()).toEqual(undone);
  });

  it('undoes everything at once where it does not hold from the first', async () => {
    depot = await openDepot([bookCarrier], [{ ...light, holds: 'parcel.weight > 10' }]);
    const { ended, waits } = await driven();
    expect(ended).toMatchObject({ status: 'failed', failure: { faults: [{ code: 'check_failed' }] } });
    expect(waits).toEqual([]);
  });

  it('begins to be asked after its time, and is asked as often as it says', async () => {
    depot = await openDepot([bookCarrier], [{ ...light, after: 'PT1H', bake: 'PT1M', every: 'PT20S' }]);
    const { ended, waits } = await driven(({ bakes }, n) => expect(bakes === undefined).toBe(n === 1));
    expect(ended.status).toBe('executed');
    expect(waits[0]).toBeGreaterThan(3_590_000);
    expect(waits.slice(1)).toHaveLength(3);
  });

  it('asks somebody else under another key each time, so that no answer is an old one', async () => {
    depot = await openDepot([bookCarrier], [kept]);
    answerQuestions((n) => ({ body: { state: n < 4 ? 'kept' : 'lost' } }));
    const { ended, waits } = await driven();
    expect(ended).toMatchObject({ status: 'failed', failure: { faults: [{ code: 'check_failed' }] } });
    expect(waits).toHaveLength(4);
    expect(new Set(depot.carrier.requests('GET', '/bookings/B1').map(({ key }) => key)).size).toBe(5);
    expect(paths()).toEqual(undone);
  });

  it('is asked again where nobody answers, however often, and goes by what is answered at the end', async () => {
    depot = await openDepot([bookCarrier], [kept]);
    answerQuestions((n) => (n < 19 ? { status: 503 } : { body: { state: 'kept' } }));
    const problems = new Set<string | undefined>();
    const { proposal, ended, waits } = await driven(async ({ proposalId }) =>
      problems.add((await steps(proposalId)).at(-1)?.problem?.code),
    );
    expect(ended.status).toBe('executed');
    expect(waits).toHaveLength(20);
    expect([...problems]).toEqual(['check_unanswered', undefined]);
    expect((await steps(proposal)).at(-1)).toMatchObject({ state: 'done', problem: null });
  });

  it.each([
    ['kept', 'executed'],
    ['lost', 'failed'],
  ])('asks once more where an answer to a question from before its end comes after it, and goes by that: %s', async (state, status) => {
    depot = await openDepot([bookCarrier], [kept]);
    const { database } = depot.fixture;
    answerQuestions((n) =>
      n === 0 ? { body: { state: 'kept' }, meanwhile: () => database.advanceClock(2 * bakeMs) } : { body: { state } },
    );
    const { ended } = await driven();
    expect(ended.status).toBe(status);
    expect(depot.carrier.requests('GET', '/bookings/B1')).toHaveLength(2);
  });

  it('undoes everything where nobody answers at the end either, asked ten times with pauses', async () => {
    depot = await openDepot([bookCarrier], [kept]);
    answerQuestions((n) => (n < 20 ? { body: { state: 'kept' } } : { status: 503 }));
    const { ended } = await driven();
    expect(ended).toMatchObject({
      status: 'failed',
      failure: { faults: [{ code: 'check_failed', message: expect.stringMatching('nobody answered') }] },
    });
    expect(depot.carrier.requests('GET', '/bookings/B1')).toHaveLength(20 + 10);
    expect(depot.pauses).toHaveLength(9);
    expect(depot.pauses[0]).toBeLessThanOrEqual(1_000); // As at the first attempt of anything.
    expect(paths()).toEqual(undone);
  });

  it('is not given up while its bake time lasts, however many workers die in the middle of an asking', async () => {
    depot = await openDepot([bookCarrier], [kept]);
    answerQuestions(() => ({ body: { state: 'kept' } }));
    const { tenant, worker, deps } = depot.fixture;
    const { ended } = await driven(async ({ proposalId, next }, n) => {
      if (n !== 2 || next === undefined) return;
      await depot.fixture.database.advanceClock(everyMs);
      for (let death = 0; death < 12; death += 1)
        expect(await startAttempt(worker, tenant, proposalId, next, deps)).toHaveProperty('attempt');
    });
    expect(ended.status).toBe('executed');
  });

  it('bakes beside others: each is asked at once, and all of them take no longer than one', async () => {
    depot = await openDepot([bookCarrier], [light, kept, { ...light, name: 'tidy' }]);
    answerQuestions(() => ({ body: { state: 'kept' } }));
    const asked = new Map<string, number>();
    const { ended, total } = await driven(({ next }) => asked.set(next?.name ?? '', (asked.get(next?.name ?? '') ?? 0) + 1));
    expect(ended.status).toBe('executed');
    expect(total).toBeLessThan(bakeMs + everyMs);
    expect(depot.carrier.requests('GET', '/bookings/B1').length).toBeGreaterThanOrEqual(20);
  });

  it.each([
    ['one', [light]],
    ['several', [light, { ...light, name: 'tidy' }]],
  ])('bakes as long as it would have where the clock of the database is set back while it waits: %s', async (_, checks) => {
    depot = await openDepot([bookCarrier], checks);
    const { ended, total } = await driven((_settled, n) => n === 5 && depot.fixture.database.advanceClock(-86_400_000));
    expect(ended.status).toBe('executed');
    expect(total).toBeLessThanOrEqual(bakeMs + 2 * everyMs);
  });

  it('bakes at most twice its time where the clock is set back in the middle of an asking', async () => {
    depot = await openDepot([bookCarrier], [kept]);
    answerQuestions((n) => ({
      body: { state: 'kept' },
      ...(n === 5 ? { meanwhile: () => depot.fixture.database.advanceClock(-86_400_000) } : {}),
    }));
    const { ended, total } = await driven();
    expect(ended.status).toBe('executed');
    expect(total).toBeLessThanOrEqual(2 * bakeMs);
  });

  it('heeds a cancellation between two askings', async () => {
    depot = await openDepot([bookCarrier], [{ ...light, bake: 'P7D' }]);
    const { ended, waits } = await driven(
      async ({ proposalId }, n) =>
        n === 2 &&
        expectDone(await depot.fixture.inApi((tx) => cancelExecution(tx, { proposalId, reason: 'no', by: clerk }, depot.fixture.deps))),
    );
    expect(ended).toMatchObject({ status: 'failed', failure: { faults: [{ code: 'cancelled' }] } });
    expect(waits).toHaveLength(2);
    expect(Math.max(...waits)).toBeGreaterThan(600_000); // A thousand askings in a week, and no more.
    expect(paths()).toEqual(undone);
  });
});
