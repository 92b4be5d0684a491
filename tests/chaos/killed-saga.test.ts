import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { bookCarrier, parcelDomain, tellDepot } from '../effects/parcel-domain.ts';
import { type Received, Receiver } from '../effects/receiver.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop } from '../workflows/lamp-shop.ts';

let shop: LampShop;
let carrier: Receiver;
let worker: WorkerProcess;
afterEach(async () => {
  await worker?.stop();
  await shop?.close();
  await carrier?.close();
});

async function opened(effects: EffectDefinition[]): Promise<string> {
  carrier = await Receiver.open();
  shop = await LampShop.open({ document: parcelDomain(carrier.url, effects) as unknown as JsonValue });
  worker = await startWorkerProcess({
    databaseUrl: shop.database.urls.worker,
    temporal: shop.temporal,
    taskQueue: shop.taskQueue,
    more: { EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: '127.0.0.1' },
  });
  expect(await shop.outcome(await shop.proposed('receive', { code: 'P1', weight: 7 }))).toBe('executed');
  return shop.propose('handOver', { parcel: 'P1', depot: 'north' });
}

const isCancellation = ({ path }: Received) => path.endsWith('cancellations');
const isArrival = ({ path }: Received) => path.endsWith('arrivals');
const parcel = async () =>
  (await shop.query<{ properties: object }>(`SELECT properties FROM exequatur.object WHERE type = 'parcel' AND id = 'P1'`))[0]?.properties;
const done = () => carrier.done.map(({ method, path }) => `${method} ${path}`);

/** From each kill until the step that it hit was tried again, by the worker that was started in its place. */
const recoveryMs: number[] = [];
afterAll(() => console.log(JSON.stringify({ recoveryMs: recoveryMs.sort((one, other) => one - other) })));

type Point = readonly [which: (received: Received) => boolean, when: 'before' | 'after'];

/** Kills the worker at each of these requests, once: before the carrier does it, or after it has done it and before it answers. Returns which are still to come. */
function killAt(points: readonly Point[], otherwise: Receiver['behaviour'] = () => undefined): Set<Point> {
  const left = new Set(points);
  const killedAt = new Map<string, number>();
  carrier.behaviour = (received, n) => {
    const at = killedAt.get(received.key);
    if (at !== undefined && killedAt.delete(received.key)) recoveryMs.push(Math.round(performance.now() - at));
    const point = [...left].find(([which]) => which(received));
    if (point === undefined) return otherwise(received, n);
    left.delete(point);
    worker.kill();
    killedAt.set(received.key, performance.now());
    return { reset: point[1] };
  };
  return left;
}

const both = (which: Point[0]): Point[] => [
  [which, 'before'],
  [which, 'after'],
];
const isBooking = ({ method, path }: Received) => method === 'POST' && path === '/bookings';

describe('a worker killed with kill -9 again and again', { timeout: 120_000 }, () => {
  it('in the middle of each effect, before it was done and after, executes everything once', async () => {
    const proposal = await opened([bookCarrier, tellDepot]);
    const left = killAt([...both(isBooking), ...both(isArrival)]);
    await shop.signal(proposal, 'handOver');
    expect(await shop.outcome(proposal)).toBe('executed');
    expect(left.size).toBe(0);
    expect(done()).toEqual(['POST /bookings', 'POST /depots/north/arrivals']);
    expect(await parcel()).toEqual({ code: 'P1', depot: 'north', status: 'away', weight: 7 });
    expect(await shop.traces(proposal)).toMatchObject({ executions: 1, history: 1, executedEvents: 1 });
  });

  it('in the middle of each undo, before it was done and after, undoes everything once', async () => {
    const last: EffectDefinition = {
      name: 'close',
      phase: 'sideEffect',
      webhook: { endpoint: 'carrier', path: ["'close'"] },
      lostAnswer: 'key',
      compensation: { message: { type: 'reopened', data: {} } },
    };
    const proposal = await opened([bookCarrier, tellDepot, last]);
    const left = killAt([...both(isCancellation), ...both(({ method }) => method === 'DELETE')], ({ path }) =>
      path === '/close' ? { status: 409 } : undefined,
    );
    await shop.signal(proposal, 'handOver');
    expect(await shop.outcome(proposal)).toBe('failed');
    expect(left.size).toBe(0);
    expect(done()).toEqual(['POST /bookings', 'POST /depots/north/arrivals', 'POST /depots/north/cancellations', 'DELETE /bookings/B1']);
    expect(await parcel()).toEqual({ code: 'P1', status: 'here', weight: 7 });
  });
});
