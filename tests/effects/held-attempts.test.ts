import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { openOutside } from '../../activities/effects/open-outside.ts';
import { performStep } from '../../activities/effects/perform-step.ts';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import { holdMs } from '../../store/saga/leases.ts';
import { recordAnswer } from '../../store/saga/record-answer.ts';
import { renewHold } from '../../store/saga/renew-hold.ts';
import { SecretBox } from '../../store/secret-box.ts';
import type { Settled } from '../../store/settle.ts';
import { caller, expectDone } from '../store/fixture.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import { attemptOf, leaseMs, openAttempts } from './begin-attempts.ts';
import type { Depot } from './parcel-depot.ts';
import { bookCarrier } from './parcel-domain.ts';

let depot: Depot;
afterEach(() => depot?.close());

const operator = caller('operator-1', ['operator']);
const asked: EffectDefinition = {
  ...bookCarrier,
  attempts: 2,
  lostAnswer: 'probe',
  probe: { webhook: { endpoint: 'carrier', path: ["'bookings'", 'parcel.id'] }, done: 'answer.status == 200' },
};
const once: EffectDefinition = {
  ...bookCarrier,
  lostAnswer: 'none',
  compensation: { webhook: { endpoint: 'carrier', path: ["'cancel'"] }, lostAnswer: 'key' },
};
const answered = (status: number) => ({ kind: 'answered' as const, status, body: { booking: 'B1' } });

async function opened(effect: EffectDefinition) {
  const begun = await openAttempts(effect);
  depot = begun.depot;
  const { worker, database } = depot.fixture;
  const stepNow = async () => (await depot.fixture.read(begun.proposal)).effects?.steps[0];
  return { ...begun, worker, advance: (ms: number) => database.advanceClock(ms), stepNow };
}

describe('an attempt that must not be overtaken', () => {
  it('is not while whoever makes it says that it is alive', async () => {
    const { start, worker, advance } = await opened(once);
    const attempt = attemptOf(await start());
    for (let renewals = 0; renewals < 5; renewals++) {
      await advance(holdMs - 1_000);
      expect(await renewHold(worker, attempt)).toBe(true);
      expect(await start()).toEqual({ waitMs: expect.any(Number) });
    }
    expect(await recordAnswer(worker, attempt, answered(200), false)).toMatchObject({ settled: { status: 'executing' } });
  });

  it('is lost some seconds after whoever made it has died, and a person is asked, whom nothing that comes later takes the question from', async () => {
    const { proposal, start, worker, advance, stepNow } = await opened(once);
    const attempt = attemptOf(await start());
    expect(await start()).toEqual({ waitMs: expect.any(Number) });
    await advance(holdMs);
    const lost = (await start()) as { settled: Settled };
    expect(await stepNow()).toMatchObject({ state: 'unknown', attempts: 1 });
    expect(await depot.drive(proposal)).toMatchObject({ status: 'needs_attention' });
    expect(lost.settled.status).toBe('executing');

    const before = await depot.fixture.read(proposal, operator);
    expect(await renewHold(worker, attempt)).toBe(false);
    for (const late of [200, 422, 503])
      expect(await recordAnswer(worker, attempt, answered(late), false)).toMatchObject({ settled: { status: 'needs_attention' } });
    expect(await start()).toMatchObject({ settled: { status: 'needs_attention' } });
    const after = await depot.fixture.read(proposal, operator);
    expect(after.effects).toEqual(before.effects);
    expect(after.effects?.attention).toMatchObject({ step: 'book', choices: ['retry', 'skip', 'abort'] });
  });

  it('is taken back, where an operator says so at once, only when its request is at work no more', async () => {
    const { proposal, start, advance } = await opened(once);
    attemptOf(await start());
    await advance(holdMs);
    await start();
    await depot.drive(proposal);
    const retry = { proposalId: proposal, choice: 'retry' as const, reason: 'take it back', by: operator };
    expectDone(await depot.fixture.inApi((tx) => resolveAsAsked(tx, retry, depot.fixture.deps)));
    const { waitMs } = (await start('undo')) as { waitMs: number };
    expect(waitMs).toBeGreaterThan(leaseMs - holdMs - 40_000);
    await advance(-3_600_000);
    expect(((await start('undo')) as { waitMs: number }).waitMs).toBeLessThanOrEqual(2 * leaseMs);
    await advance(2 * leaseMs);
    expect(attemptOf(await start('undo')).kind).toBe('undo');
  });

  it('is asked about some seconds after whoever made it has died, and believed where it was done', async () => {
    const { start, worker, advance, stepNow } = await opened(asked);
    const first = attemptOf(await start());
    await advance(holdMs);
    const second = attemptOf(await start());
    expect(second.probeFirst).toBeDefined();
    expect(await recordAnswer(worker, second, answered(200), true)).toMatchObject({ settled: { status: 'executing' } });
    await recordAnswer(worker, first, answered(503), false);
    expect(await stepNow()).toMatchObject({ state: 'done', attempts: 2 });
  });

  it('is not sent again before its request is at work no more, whatever a probe does not find', async () => {
    const { start, worker, advance } = await opened(asked);
    const first = attemptOf(await start());
    await advance(holdMs);
    await recordAnswer(worker, attemptOf(await start()), answered(404), true);
    await advance(holdMs);
    const { waitMs } = (await start()) as { waitMs: number };
    expect(waitMs).toBeGreaterThan(leaseMs - 2 * holdMs - 40_000);
    await advance(waitMs);
    const third = attemptOf(await start());
    expect(third.probeFirst).toBeDefined();
    // That the probe came too early costs no attempt: of two this is the second, and what it asks under is the key of the first.
    expect(await recordAnswer(worker, third, answered(404), true)).toMatchObject({ ended: { state: 'unknown' } });
    expect(third.idempotencyKey).toBe(first.idempotencyKey);
  });
});

describe('a process that stood still for longer than it holds its attempt', () => {
  it('sends nothing when it goes on', async () => {
    const { worker } = await opened(once);
    const secrets = new SecretBox([randomBytes(32).toString('base64')]);
    const outside = openOutside({ pool: worker, functions: [], allowedAddresses: ['127.0.0.1'], secrets });
    const request = {
      kind: 'webhook' as const,
      endpoint: 'carrier',
      method: 'POST',
      url: `${depot.carrier.url}/bookings`,
      timeoutMs: 60_000,
    };
    for (const held of [0, 1]) {
      let looks = 0; // Before the connection is made, and once it stands.
      const limits = { signal: new AbortController().signal, answerBy: performance.now() + 60_000, isHeld: () => looks++ < held };
      expect(await outside.sendWebhook(depot.fixture.tenant, request, 'id-1', limits)).toMatchObject({
        kind: 'not_sent',
        code: 'too_late',
      });
    }
    expect(depot.carrier.received).toEqual([]);
  });
});

it('a slow receiver whose answer a living worker awaits is asked once, and its answer is what counts', async () => {
  const { proposal, worker, stepNow } = await opened(once);
  const { tenant, deps } = depot.fixture;
  const start = { tenantId: tenant, proposalId: proposal, actionType: 'handOver', step: { kind: 'do' as const, ordinal: 0, name: 'book' } };
  let answer = (_: ReturnType<typeof answered>) => {};
  let sent = 0;
  const sendWebhook = () => {
    sent++;
    return new Promise<ReturnType<typeof answered>>((resolve) => {
      answer = resolve;
    });
  };
  const step = () =>
    performStep(
      { pool: worker, store: deps, sendWebhook, effectFunctions: [], onEnd: () => undefined },
      start,
      new AbortController().signal,
    );
  const first = step();
  const endsAt = performance.now() + holdMs + 2_000;
  await expect.poll(() => performance.now() > endsAt, { timeout: 20_000, interval: 500 }).toBe(true);
  await expect(step()).rejects.toMatchObject({ type: 'EffectNotDone' });
  answer(answered(200));
  expect(await first).toMatchObject({ status: 'executing' });
  expect(await stepNow()).toMatchObject({ state: 'done', attempts: 1 });
  expect(sent).toBe(1);
}, 40_000);
