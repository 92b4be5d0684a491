import { expect, it } from 'vitest';
import type { CloudEvent } from './cloud-event.ts';
import { compileEventFilter } from './event-filter.ts';

const event = (items: number): CloudEvent => ({
  specversion: '1.0',
  id: '1',
  source: 'urn:exequatur:tenant:t',
  type: 'object.modified',
  subject: 'object/room/A',
  time: '2026-01-01T00:00:00.000Z',
  datacontenttype: 'application/json',
  dataschema: '/schemas/events/object.modified.json',
  tenant: 't',
  partitionkey: 'room/A',
  sequence: '0000000000000001.00000001',
  data: { items: Array.from({ length: items }, (_, at) => at) },
});

it('a filter whose condition costs more than it may is cut off, admits nothing, and holds nobody up', () => {
  const inner = 'event.data.items.all(b, event.data.items.all(c, a + b + c >= 0))';
  const compiled = compileEventFilter({ condition: `event.data.items.all(a, ${inner})` });
  if ('fault' in compiled) throw new Error(compiled.fault.message);
  expect(compiled.matches(event(3))).toBe(true);
  const startedAt = process.cpuUsage();
  expect(compiled.matches(event(30))).toBe(false); // It would hold, after some hundred thousand steps.
  const { user, system } = process.cpuUsage(startedAt);
  expect((user + system) / 1_000).toBeLessThan(1_000); // Milliseconds: it ends after some two, on a machine that has time.
});
