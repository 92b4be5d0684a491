import { z } from 'zod';
import { holdResolutions } from '../../store/held-events.ts';
import { component } from './components.ts';
import { text, time } from './text-schema.ts';

export const heldEventParams = z.strictObject({ eventId: text(100) });

export const heldEventBody = component(
  'HeldEventResolution',
  z.strictObject({
    choice: z
      .enum(holdResolutions)
      .describe('`retry` publishes it as it is, once what kept it back is mended; `reference` without its data; `skip` leaves it out.'),
    reason: text(4_000),
  }),
);

export const heldEventSchema = component(
  'HeldEvent',
  z.strictObject({
    id: z.string(),
    type: z.string(),
    key: z.string().describe('Events of this key wait.'),
    sink: z.string(),
    reason: z.string().describe('Why it is not taken, in the words of the broker’s protocol.'),
    heldAt: time,
    resolution: z.enum(holdResolutions).nullable().describe('What was decided, until it is done.'),
  }),
);

export const heldEventsSchema = component('HeldEvents', z.strictObject({ events: z.array(heldEventSchema) }));
