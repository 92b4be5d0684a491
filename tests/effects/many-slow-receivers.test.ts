// On the run's servers: tests/support/database.ts, tests/support/temporal.ts.
import { afterEach, expect, it } from 'vitest';
import { ParcelService } from '../chaos/parcel-service.ts';
import { bookCarrier } from './parcel-domain.ts';

let service: ParcelService;
let letGo = () => {};
afterEach(async () => {
  letGo();
  await service?.close();
});

const slow = 24; // More than a worker has connections to its database.

it('receivers that are slow, however many, do not keep the effects of others from being sent', async () => {
  service = await ParcelService.open({
    parcels: slow + 1,
    effects: [bookCarrier],
    change: (document) => ({ ...document, endpoints: { carrier: { url: document.endpoints?.carrier?.url ?? '', timeout: 'PT60S' } } }),
  });
  const { carrier } = service;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const isQuick = (body: unknown) => (body as { parcel?: string }).parcel === `P${slow + 1}`;
  carrier.behaviour = ({ body }) => (isQuick(body) ? undefined : { meanwhile: () => held });
  const proposals = await Promise.all(Array.from({ length: slow }, (_, at) => service.handOver(`P${at + 1}`)));
  await expect.poll(() => carrier.requests('POST', '/bookings').length).toBe(slow);

  expect(await service.ended(await service.handOver(`P${slow + 1}`))).toBe('executed');
  for (const proposal of proposals) expect(await service.shop.status(proposal)).toBe('executing');
  letGo();
  for (const proposal of proposals) expect(await service.ended(proposal)).toBe('executed');
  expect(carrier.requests('POST', '/bookings')).toHaveLength(slow + 1);
});
