import { expect, it } from 'vitest';
import { byReference, cloudEvent } from '../ontology/cloud-event.ts';
import { messageOf } from './kafka-sink.ts';

const event = cloudEvent({
  tenant: '00000000-0000-0000-0000-000000000001',
  seq: 7,
  ordinal: 2,
  at: '2026-01-01T00:00:00.123Z',
  id: 'one',
  type: 'switch.changed',
  subject: 'switch/tenant/all',
  key: 'switch/tenant/all',
  data: { state: 'off' },
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
});

it('an event is a record in binary mode, with its trace where tracing libraries look for it, and its tenant', () => {
  const { key, value, headers, timestamp } = messageOf(event);
  expect([key, value, timestamp]).toEqual(['switch/tenant/all', '{"state":"off"}', undefined]); // It is dated when it is published.
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    ce_id: 'one',
    ce_tenant: event.tenant,
    ce_sequence: '0000000000000007.00000002',
    ce_traceparent: event.traceparent,
    traceparent: event.traceparent,
  });
});

it('an event whose data are too large has none, and says where they are', () => {
  const { value, headers } = messageOf(byReference(event));
  expect(value).toBeNull();
  expect(headers).toMatchObject({ ce_dataref: '/v1/events/0000000000000007.00000002' });
});
