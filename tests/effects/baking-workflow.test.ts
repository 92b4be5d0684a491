// tests/effects/bake-time.test.ts has what a check with a bake time comes to; here it sleeps on Temporal.
import { afterEach, expect, it } from 'vitest';
import { restartLostWorkflows } from '../../events/restart-lost-workflows.ts';
import type { CheckDefinition } from '../../ontology/effect-definition.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { cancelExecution } from '../../store/saga/cancel-execution.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { LampShop } from '../workflows/lamp-shop.ts';
import { agent } from '../workflows/lamps.ts';
import { bookCarrier, parcelDomain } from './parcel-domain.ts';
import { Receiver } from './receiver.ts';

let shop: LampShop;
let carrier: Receiver;
afterEach(async () => {
  await shop?.close();
  await carrier?.close();
});

const often: CheckDefinition = {
  name: 'kept',
  bake: 'PT5M',
  every: 'PT1S',
  probe: { webhook: { endpoint: 'carrier', path: ["'bookings'", { slot: 'booking' }] }, done: 'answer.status == 200' },
};

async function opened(check: CheckDefinition): Promise<{ proposal: string; stopWorker: () => Promise<void> }> {
  carrier = await Receiver.open();
  shop = await LampShop.open({ document: parcelDomain(carrier.url, [bookCarrier], [check]) as unknown as JsonValue });
  const stopWorker = await shop.startWorker();
  expect(await shop.outcome(await shop.proposed('receive', { code: 'P1', weight: 7 }))).toBe('executed');
  const proposal = await shop.propose('handOver', { parcel: 'P1', depot: 'north' });
  await shop.signal(proposal, 'handOver');
  return { proposal, stopWorker };
}

const questions = () => carrier.requests('GET', '/bookings/B1').length;
const asked = async (proposal: string) => Number(/checks until \S+Z, asked (\d+) times/.exec(await shop.currentDetails(proposal))?.[1]);
const untilAsked = (proposal: string, times: number) => expect.poll(() => asked(proposal)).toBeGreaterThanOrEqual(times);

it('a bake time outlives its worker and its workflow, is seen, and costs few events at each asking', async () => {
  const { proposal, stopWorker } = await opened(often);
  await untilAsked(proposal, 2);
  await stopWorker();
  await shop.startWorker();
  await untilAsked(proposal, 6);
  const { events } = await shop.handle(proposal).fetchHistory();
  const [from = 0, to = 0] = (events ?? [])
    .flatMap(({ eventId, timerStartedEventAttributes: timer }) => (timer ? [Number(eventId)] : []))
    .slice(-2);
  expect(to - from).toBeLessThanOrEqual(12);

  await shop.handle(proposal).terminate();
  const before = questions();
  await shop.database.advanceClock(60_000);
  const { relayPool: pool, client, taskQueue } = shop;
  expect(await restartLostWorkflows({ pool, client, taskQueue, logger: openLogger('test') })).toBe(1);
  await untilAsked(proposal, before + 2);
  await shop.database.advanceClock(300_000);
  expect(await shop.outcome(proposal)).toBe('executed');
  expect(new Set(carrier.requests('GET', '/bookings/B1').map(({ key }) => key)).size).toBe(questions());
  expect(carrier.done.map(({ method }) => method)).toEqual(['POST']);
});

it('a cancellation ends a bake time between two askings that are far apart', async () => {
  const { proposal } = await opened({ ...often, bake: 'P7D', every: 'P1D' });
  await untilAsked(proposal, 1);
  await shop.write((tx) => cancelExecution(tx, { proposalId: proposal, reason: 'the truck broke down', by: agent }, shop.deps));
  await shop.signal(proposal, 'handOver');
  expect(await shop.outcome(proposal)).toBe('failed');
  expect(carrier.done.map(({ method }) => method)).toEqual(['POST', 'DELETE']);
});
