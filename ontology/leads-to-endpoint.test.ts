import { describe, expect, it } from 'vitest';
import { leadsToEndpoint } from './leads-to-endpoint.ts';

const endpoints = { carrier: { url: 'https://api.carrier.example/v2/' } };
const webhook = (url: string, endpoint = 'carrier') => ({ kind: 'webhook' as const, endpoint, method: 'POST', url, timeoutMs: 1_000 });

describe('a request that was planned before', () => {
  it.each([
    ['the endpoint itself', 'https://api.carrier.example/v2', true],
    ['a path under it', 'https://api.carrier.example/v2/bookings/{booking}', true],
    ['a query of it', 'https://api.carrier.example/v2?a=1', true],
    ['a longer name of its last segment', 'https://api.carrier.example/v20/bookings', false],
    ['another path', 'https://api.carrier.example/v1/bookings', false],
    ['another host', 'https://carrier.example/v2/bookings', false],
  ])('to %s', (_title, url, leads) => expect(leadsToEndpoint(webhook(url), endpoints)).toBe(leads));

  it('leads nowhere where its endpoint is gone, or the document has none', () => {
    expect(leadsToEndpoint(webhook('https://api.carrier.example/v2/x', 'toString'), endpoints)).toBe(false);
    expect(leadsToEndpoint(webhook('https://api.carrier.example/v2/x'))).toBe(false);
  });

  it('that stays in the house goes to no endpoint', () => {
    expect(leadsToEndpoint({ kind: 'message', type: 'parcel.away', data: null })).toBe(true);
  });
});
