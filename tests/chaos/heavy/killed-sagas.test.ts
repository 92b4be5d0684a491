import { afterEach, describe, expect, it } from 'vitest';
import type { CheckDefinition, EffectDefinition } from '../../../ontology/effect-definition.ts';
import { bookCarrier, tellDepot } from '../../effects/parcel-domain.ts';
import type { Behaviour } from '../../effects/receiver.ts';
import { inEach, type Kill, KilledSaga, type Kills } from '../killed-saga.ts';
import { announce, collect, print, reserve } from '../mixed-parcels.ts';
import { lastRefused } from '../parcel-service.ts';

let saga: KilledSaga;
const limitMs = 600_000; // A worker that was killed is missed after seconds, at each of a dozen requests.
afterEach(() => saga?.close());

const here = { code: 'P1', status: 'here', weight: 7 };
const away = { code: 'P1', depot: 'depot-1', status: 'away', weight: 7 };
const closed: Behaviour = ({ path }) => (path === '/close' ? { status: 409 } : undefined);
const inUndo: Kills = (received, n) => (/\.undo(\.probe)?$/.test(received.key) ? inEach(received, n) : undefined);

interface Case {
  effects: EffectDefinition[];
  checks?: CheckDefinition[];
  kills: Kills;
  otherwise?: Behaviour;
  status: 'executed' | 'failed';
  done: string[];
  killed: number;
}

const isReserved: CheckDefinition = {
  name: 'reserved',
  probe: { webhook: { endpoint: 'carrier', path: ["'reservations'", 'depot'] }, done: 'answer.status == 200' },
};

describe('a worker killed with kill -9 in the middle of each request, before it was done and after,', { timeout: limitMs }, () => {
  it.each<[string, Case]>([
    [
      'of effects whose receiver honours keys, executes everything once',
      {
        effects: [bookCarrier, tellDepot],
        kills: inEach,
        status: 'executed',
        done: ['POST /bookings', 'POST /depots/arrivals'],
        killed: 4,
      },
    ],
    [
      'of their undos, undoes everything once',
      {
        effects: [bookCarrier, tellDepot, lastRefused],
        kills: inUndo,
        otherwise: closed,
        status: 'failed',
        done: ['POST /bookings', 'POST /depots/arrivals', 'POST /depots/cancellations', 'DELETE /bookings/B1'],
        killed: 4,
      },
    ],
    [
      'of an effect that is probed and of its probes, executes everything once',
      { effects: [reserve, announce], kills: inEach, status: 'executed', done: ['PUT /reservations'], killed: 3 },
    ],
    [
      'of the undo of such a one and of its probes, undoes everything once',
      {
        effects: [reserve, announce, lastRefused],
        kills: inUndo,
        otherwise: closed,
        status: 'failed',
        done: ['PUT /reservations', 'DELETE /reservations'],
        killed: 3,
      },
    ],
    [
      'of an effect function, executes everything once',
      { effects: [print, announce], kills: inEach, status: 'executed', done: ['POST /labels'], killed: 2 },
    ],
    [
      'of the undo of one, undoes everything once',
      {
        effects: [print, announce, lastRefused],
        kills: inUndo,
        otherwise: closed,
        status: 'failed',
        done: ['POST /labels', 'DELETE /labels'],
        killed: 2,
      },
    ],
    [
      'of a check after the last effect, asks again',
      {
        effects: [reserve],
        checks: [isReserved],
        kills: (received, n) => (received.method === 'GET' ? inEach(received, n) : undefined),
        status: 'executed',
        done: ['PUT /reservations'],
        killed: 1,
      },
    ],
    [
      'of the undos for which a check is the reason, undoes everything once',
      {
        effects: [bookCarrier],
        checks: [isReserved],
        kills: inEach,
        status: 'failed',
        done: ['POST /bookings', 'DELETE /bookings/B1'],
        killed: 5,
      },
    ],
  ])('%s', async (_words, { effects, checks, kills, otherwise, status, done, killed }) => {
    saga = await KilledSaga.open(effects, checks);
    saga.killAt(kills, otherwise);
    expect(await saga.ended(await saga.handOver())).toBe(status);
    expect(saga.done()).toEqual(done);
    expect(await saga.parcel()).toEqual(status === 'executed' ? away : here);
    await saga.expectWhole(killed);
  });

  it.each<[string, Kill, string[]]>([
    ['before it was done', 'before', []],
    ['after it was done', 'after', ['POST /collections', 'DELETE /collections']],
  ])('of an effect that is never sent again, %s, asks a person, and so does its undo', async (_words, kill, done) => {
    saga = await KilledSaga.open([announce, collect]);
    saga.killAt((_, n) => (n === 0 ? kill : undefined));
    const proposal = await saga.handOver();
    expect(await saga.ended(proposal)).toBe('needs_attention');
    expect(saga.carrier.received).toHaveLength(1);
    await saga.resolve(proposal, 'retry');
    await expect.poll(() => saga.kills, { timeout: 100_000 }).toBe(2);
    await expect.poll(() => saga.shop.status(proposal), { timeout: 100_000 }).toBe('needs_attention');
    await saga.resolve(proposal, 'skip');
    expect(await saga.ended(proposal)).toBe('failed');
    expect(saga.done()).toEqual(done);
    expect(await saga.parcel()).toEqual(here);
    await saga.expectWhole(2);
  });

  it('of an asking of a check but the first, goes on with its bake time', async () => {
    saga = await KilledSaga.open([reserve], [{ ...isReserved, bake: 'PT20S', every: 'PT2S' }]);
    saga.killAt(({ key }) => (saga.kills === 0 && /\.probe$/.test(key) && !key.endsWith('.1.probe') ? 'before' : undefined));
    const proposal = await saga.handOver();
    expect(await saga.ended(proposal)).toBe('executed');
    expect(saga.done()).toEqual(['PUT /reservations']);
    const [asked] = await saga.shop.query<{ late: number; attempts: number }>(
      `SELECT t.attempts, extract(epoch FROM s.ended_at - t.bakes_until)::int AS late FROM exequatur.saga_step t JOIN exequatur.saga s USING (tenant_id, proposal_id, run)
        WHERE t.proposal_id = $1 AND t.phase = 'check'`,
      [proposal],
    );
    expect(asked?.attempts).toBeGreaterThan(4);
    expect(asked?.late).toBeLessThan(5); // What the death took of the bake time is not added to it.
    await saga.expectWhole(1);
  });

  it('of a revert, reverts everything once', async () => {
    saga = await KilledSaga.open([reserve, print, announce]);
    const original = await saga.handOver();
    expect(await saga.ended(original)).toBe('executed');
    saga.killAt(inEach);
    expect(await saga.ended(await saga.revert(original))).toBe('executed');
    expect(saga.done()).toEqual(['PUT /reservations', 'POST /labels', 'DELETE /labels', 'DELETE /reservations']);
    expect(await saga.parcel()).toEqual(here);
    await saga.expectWhole(5);
  });

  it('of the undo of a revert, leaves everything as it was before the revert', async () => {
    saga = await KilledSaga.open([reserve, print]);
    const original = await saga.handOver();
    expect(await saga.ended(original)).toBe('executed');
    // The label is voided first; then the reservation stays.
    saga.killAt(inUndo, ({ method, path }) =>
      method === 'DELETE' && path.startsWith('/reservations') ? { status: 409, turnedAway: true } : undefined,
    );
    expect(await saga.ended(await saga.revert(original))).toBe('failed');
    expect(saga.done()).toEqual(['PUT /reservations', 'POST /labels', 'DELETE /labels', 'POST /labels']);
    expect(await saga.parcel()).toEqual(away);
    await saga.expectWhole(2);
  });

  it('of the undos of a change set, undoes every action of it once', async () => {
    saga = await KilledSaga.open([bookCarrier, tellDepot]);
    saga.killAt(inUndo, ({ path }) => (path === '/depots/depot-2/arrivals' ? { status: 409 } : undefined));
    expect(await saga.ended(await saga.handBothOver())).toBe('failed');
    expect(saga.done()).toEqual([
      'POST /bookings',
      'POST /bookings',
      'POST /depots/arrivals',
      'POST /depots/cancellations',
      'DELETE /bookings/B2',
      'DELETE /bookings/B1',
    ]);
    expect(await saga.parcel()).toEqual(here);
    await saga.expectWhole(6);
  });
});
