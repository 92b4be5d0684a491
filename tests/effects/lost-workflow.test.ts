import { afterEach, describe, expect, it } from 'vitest';
import { restartLostWorkflows } from '../../events/restart-lost-workflows.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { LampShop } from '../workflows/lamp-shop.ts';
import { bookCarrier, parcelDomain, tellDepot } from './parcel-domain.ts';
import { type Received, Receiver } from './receiver.ts';

let shop: LampShop;
let carrier: Receiver;
afterEach(async () => {
  await shop?.close();
  await carrier?.close();
});

async function opened(): Promise<string> {
  carrier = await Receiver.open();
  shop = await LampShop.open({
    document: parcelDomain(carrier.url, [bookCarrier, { ...tellDepot, attempts: 50 }]) as unknown as JsonValue,
  });
  await shop.startWorker();
  expect(await shop.outcome(await shop.proposed('receive', { code: 'P1', weight: 7 }))).toBe('executed');
  return shop.propose('handOver', { parcel: 'P1', depot: 'north' });
}

/** Ends the workflow as if Temporal had lost it, once this request has come, and lets the relay find out. */
async function loseAt(proposal: string, which: (received: Received) => boolean): Promise<void> {
  await shop.signal(proposal, 'handOver');
  await expect.poll(() => carrier.received.some(which)).toBe(true);
  await shop.handle(proposal).terminate();
  carrier.behaviour = ({ path }) => lasting(path);
  await shop.database.advanceClock(60_000);
  const { relayPool: pool, client, taskQueue } = shop;
  expect(await restartLostWorkflows({ pool, client, taskQueue, logger: openLogger('test') })).toBe(1);
}

/** How the carrier behaves from then on. */
let lasting: (path: string) => { status: number } | undefined = () => undefined;
const done = () => carrier.done.map(({ method, path }) => `${method} ${path}`);

describe('an execution whose workflow Temporal has lost in the middle', () => {
  it('goes on from where the database knows it to be: what was done is not done again', async () => {
    const proposal = await opened();
    lasting = () => undefined;
    carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 503 } : undefined);
    await loseAt(proposal, ({ path }) => path.endsWith('arrivals'));
    expect(await shop.outcome(proposal)).toBe('executed');
    expect(done()).toEqual(['POST /bookings', 'POST /depots/north/arrivals']);
    expect(carrier.requests('POST', '/bookings')).toHaveLength(1);
    expect(await shop.traces(proposal)).toMatchObject({ executions: 1, history: 1, executedEvents: 1 });
  });

  it('awaits a person as before, and the relay counts it', async () => {
    const proposal = await opened();
    lasting = (path) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
    carrier.behaviour = ({ method, path }) => (method === 'DELETE' ? { status: 409 } : lasting(path));
    await shop.signal(proposal, 'handOver');
    await expect.poll(() => shop.status(proposal)).toBe('needs_attention');
    const asked = /needs_attention.*a person decides about book: answered 409/s;
    await expect.poll(() => shop.currentDetails(proposal)).toMatch(asked);
    await shop.handle(proposal).terminate();
    await shop.database.advanceClock(60_000);
    const counts: number[] = [];
    const { relayPool: pool, client, taskQueue } = shop;
    const deps = { pool, client, taskQueue, logger: openLogger('test'), onAttention: (count: number) => counts.push(count) };
    expect(await restartLostWorkflows(deps)).toBe(1);
    expect(counts).toEqual([1]);
    await expect.poll(() => shop.currentDetails(proposal)).toMatch(asked);
    expect(carrier.requests('DELETE', '/bookings/B1')).toHaveLength(1);
  });

  it('goes on undoing', async () => {
    const proposal = await opened();
    lasting = (path) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
    carrier.behaviour = ({ method, path }) => (method === 'DELETE' ? { status: 503 } : lasting(path));
    await loseAt(proposal, ({ method }) => method === 'DELETE');
    expect(await shop.outcome(proposal)).toBe('failed');
    expect(done()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
  });
});
