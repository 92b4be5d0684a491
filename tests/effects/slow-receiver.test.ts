import { afterEach, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { LampShop } from '../workflows/lamp-shop.ts';
import { bookCarrier, parcelDomain } from './parcel-domain.ts';
import { Receiver } from './receiver.ts';

let shop: LampShop;
let carrier: Receiver;
afterEach(async () => {
  await shop?.close();
  await carrier?.close();
});

it('a receiver that takes longer than a dead worker is waited for is asked once', async () => {
  carrier = await Receiver.open();
  const document = parcelDomain(carrier.url, [bookCarrier]);
  document.endpoints = { carrier: { url: carrier.url, timeout: 'PT60S' } };
  shop = await LampShop.open({ document: document as unknown as JsonValue });
  await shop.startWorker();
  await shop.outcome(await shop.proposed('receive', { code: 'P1', weight: 7 }));
  carrier.behaviour = ({ path }) => (path === '/bookings' ? { delayMs: 8_000 } : undefined);
  const proposal = await shop.started('handOver', { parcel: 'P1', depot: 'north' });
  expect(await shop.outcome(proposal)).toBe('executed');
  expect(carrier.requests('POST', '/bookings')).toHaveLength(1);
});
