import { afterEach, describe, expect, it } from 'vitest';
import { performStep } from '../../activities/effects/perform-step.ts';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import type { EffectFunction } from '../../ontology/ontology-function.ts';
import { cancelExecution } from '../../store/saga/cancel-execution.ts';
import { recordAnswer } from '../../store/saga/record-answer.ts';
import type { Settled } from '../../store/settle.ts';
import { expectDone } from '../store/fixture.ts';
import { attemptOf, leaseMs, openAttempts } from './begin-attempts.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier } from './parcel-domain.ts';

let depot: Depot;
afterEach(() => depot?.close());

const nearlyMs = leaseMs - 40_000;

async function opened(effect: EffectDefinition = bookCarrier) {
  const begun = await openAttempts(effect);
  depot = begun.depot;
  return begun;
}

describe('an attempt whose answer somebody may still wait for', () => {
  it('is over before a cancelled execution takes anything back', async () => {
    const { proposal, start } = await opened();
    attemptOf(await start());
    const cancellation = { proposalId: proposal, reason: 'the truck broke down', by: clerk };
    expectDone(await depot.fixture.inApi((tx) => cancelExecution(tx, cancellation, depot.fixture.deps)));
    const waits = await start();
    expect(waits).toEqual({ waitMs: expect.any(Number) });
    expect((waits as { waitMs: number }).waitMs).toBeGreaterThan(nearlyMs);
    await depot.fixture.database.advanceClock(leaseMs);
    expect(await start()).toMatchObject({ settled: { status: 'compensating' } });
  });

  it('is waited for no longer than it was given, also where the clock was set back', async () => {
    const probe = { webhook: { endpoint: 'carrier', path: ["'bookings'", 'parcel.id'] }, done: 'answer.status == 200' };
    const { start } = await opened({ ...bookCarrier, lostAnswer: 'probe', probe });
    attemptOf(await start());
    await depot.fixture.database.advanceClock(-3_600_000);
    expect(await start()).toEqual({ waitMs: leaseMs });
    await depot.fixture.database.advanceClock(leaseMs);
    expect(attemptOf(await start()).probeFirst).toBeDefined();
  });

  it('says until when it may be sent, which is no later than others believe', async () => {
    const { start } = await opened();
    const from = performance.now();
    const { answerBy } = attemptOf(await start());
    expect(answerBy).toBeGreaterThanOrEqual(from + leaseMs);
    expect(answerBy).toBeLessThanOrEqual(performance.now() + leaseMs);
  });
});

describe('an attempt that overlaps another', () => {
  const answered = (status: number) => ({ kind: 'answered' as const, status, body: undefined });
  const cancelBooking: EffectDefinition = {
    ...bookCarrier,
    compensation: { webhook: { endpoint: 'carrier', path: ["'cancel'"] }, lostAnswer: 'key' },
  };

  it('and is refused ends no waiting for the first: that might arrive after it was taken back', async () => {
    const { proposal, start } = await opened(cancelBooking);
    attemptOf(await start());
    const second = attemptOf(await start());
    const recorded = await recordAnswer(depot.fixture.worker, second, answered(422), false);
    expect((await depot.fixture.read(proposal)).effects?.steps[0]).toMatchObject({ state: 'unknown' });
    expect(await depot.step(proposal, recorded?.settled as Settled)).toMatchObject({ status: 'compensating' });
    const waits = (await start('undo')) as { waitMs: number };
    expect(waits.waitMs).toBeGreaterThan(nearlyMs);
    await depot.fixture.database.advanceClock(leaseMs);
    expect(attemptOf(await start('undo')).kind).toBe('undo');
  });

  it('and is put off ends none either, where the execution is cancelled', async () => {
    const { proposal, start } = await opened();
    attemptOf(await start());
    await recordAnswer(depot.fixture.worker, attemptOf(await start()), answered(503), false);
    const cancellation = { proposalId: proposal, reason: 'the truck broke down', by: clerk };
    expectDone(await depot.fixture.inApi((tx) => cancelExecution(tx, cancellation, depot.fixture.deps)));
    expect(((await start()) as { waitMs: number }).waitMs).toBeGreaterThan(nearlyMs);
  });

  it('ends all waiting where it was done', async () => {
    const { start } = await opened();
    attemptOf(await start());
    const booked = { ...answered(200), body: { booking: 'B1' } };
    expect(await recordAnswer(depot.fixture.worker, attemptOf(await start()), booked, false)).toMatchObject({
      settled: { status: 'executing', waitMs: null },
    });
  });
});

describe('the attempts that a plan allows', () => {
  it('bind those as well that never come to an answer', async () => {
    const { proposal, start } = await opened({ ...bookCarrier, attempts: 2 });
    attemptOf(await start());
    attemptOf(await start());
    expect(await start()).toEqual({ waitMs: expect.any(Number) });
    await depot.fixture.database.advanceClock(leaseMs);
    expect(await start()).toMatchObject({ settled: { status: 'executing' } });
    const [step] = (await depot.fixture.read(proposal)).effects?.steps ?? [];
    expect(step).toMatchObject({ state: 'unknown', attempts: 2 });
  });
});

it('an effect function that heeds no signal is not waited for', async () => {
  const print: EffectFunction = { name: 'print', version: 1, perform: () => new Promise(() => undefined) };
  depot = await openDepot(
    [{ name: 'label', phase: 'writeBack', function: { name: 'print', version: 1, input: {} }, lostAnswer: 'key' }],
    undefined,
    [print],
  );
  const proposalId = await depot.handOver();
  await depot.step(proposalId, { next: undefined } as unknown as Settled);
  const { worker, tenant, deps } = depot.fixture;
  const stopping = new AbortController();
  setTimeout(() => stopping.abort(), 1_000);
  const sendWebhook = () => Promise.reject(new Error('there is none'));
  const start = { tenantId: tenant, proposalId, actionType: 'handOver', step: { kind: 'do' as const, ordinal: 0, name: 'label' } };
  await expect(
    performStep({ pool: worker, store: deps, sendWebhook, effectFunctions: [print], onEnd: () => undefined }, start, stopping.signal),
  ).rejects.toMatchObject({ type: 'EffectNotDone' });
});
