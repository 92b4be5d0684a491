import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { CheckDefinition, EffectDefinition } from '../../ontology/effect-definition.ts';
import { bookCarrier, tellDepot } from '../effects/parcel-domain.ts';
import { afterEach as afterEachRequest, KilledSaga } from './killed-saga.ts';
import { announce, print, reserve } from './mixed-parcels.ts';
import { lastRefused } from './parcel-service.ts';

// Once in the middle of each, after it was done, which is the harder half: tests/chaos/heavy/killed-sagas.test.ts has both, and every other kind of saga and of step.
let saga: KilledSaga;
afterEach(() => saga?.close());

const recoveryMs: number[] = [];
afterEach(() => void recoveryMs.push(...saga.recoveryMs));
afterAll(() => console.log(JSON.stringify({ recoveryMs: recoveryMs.sort((one, other) => one - other) })));

const kept: CheckDefinition = {
  name: 'kept',
  probe: { webhook: { endpoint: 'carrier', path: ["'reservations'", 'depot'] }, done: 'answer.status == 200' },
};

describe('a worker killed with kill -9 in the middle of each', { timeout: 240_000 }, () => {
  it('effect, once it was done, and of a check, executes everything once', async () => {
    saga = await KilledSaga.open([reserve, print, announce], [kept]);
    saga.killAt(({ key, method }, n) => (n === 0 && (method !== 'GET' || /\.3\.\w+\.1\.probe$/.test(key)) ? 'after' : undefined));
    const proposal = await saga.handOver();
    expect(await saga.ended(proposal)).toBe('executed');
    expect(saga.done()).toEqual(['PUT /reservations', 'POST /labels']);
    expect(await saga.parcel()).toEqual({ code: 'P1', depot: 'depot-1', status: 'away', weight: 7 });
    expect(await saga.shop.traces(proposal)).toMatchObject({ executions: 1, history: 1, executedEvents: 1 });
    await saga.expectWhole(3);
  });

  it('undo, once it was done, undoes everything once', async () => {
    const effects: EffectDefinition[] = [bookCarrier, tellDepot, lastRefused];
    saga = await KilledSaga.open(effects);
    saga.killAt(
      (received, n) => (received.key.endsWith('.undo') ? afterEachRequest(received, n) : undefined),
      ({ path }) => (path === '/close' ? { status: 409 } : undefined),
    );
    expect(await saga.ended(await saga.handOver())).toBe('failed');
    expect(saga.done()).toEqual(['POST /bookings', 'POST /depots/arrivals', 'POST /depots/cancellations', 'DELETE /bookings/B1']);
    expect(await saga.parcel()).toEqual({ code: 'P1', status: 'here', weight: 7 });
    await saga.expectWhole(2);
  });
});
