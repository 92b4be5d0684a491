import { z } from 'zod';
import { weekdays } from '../../store/freeze-windows.ts';
import { component } from './components.ts';
import { instant, nameText, text, time } from './text-schema.ts';

export const windowParams = z.strictObject({ name: text(100) });

export const removalQuery = z.strictObject({ reason: text(4_000).describe('Why it may go.') });

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM');

const once = z.strictObject({ from: instant, until: instant });

const weekly = z.strictObject({
  days: z.array(z.enum(weekdays)).min(1).max(7).describe('On which it opens.'),
  from: clock,
  until: clock.describe('Of the next day, where it is no later than `from`.'),
  timeZone: text(100).describe('An IANA name; the clocks there are meant, also on nights on which they are changed.'),
});

const objects = z
  .strictObject({ type: nameText, filter: text(2_000).describe('CEL over the properties, as in a list.') })
  .describe('Only plans that touch such an object, as it is then, or create one of the type.');

const common = {
  reason: text(4_000),
  actionType: nameText.exactOptional().describe('Without one, everything of the tenant.'),
  objects: objects.exactOptional(),
};

export const windowBody = component(
  'NewFreezeWindow',
  z.union([z.strictObject({ ...common, once }), z.strictObject({ ...common, weekly })]),
  'Open once, or every week.',
);

export const windowSchema = component(
  'FreezeWindow',
  z.strictObject({
    name: z.string(),
    actionType: z.string().nullable(),
    objects: z.strictObject({ type: z.string(), filter: z.string() }).nullable(),
    reason: z.string(),
    once: z.strictObject({ from: time, until: time }).nullable(),
    weekly: z.strictObject({ days: z.array(z.enum(weekdays)), from: z.string(), until: z.string(), timeZone: z.string() }).nullable(),
    openUntil: time.nullable().describe('Null while it is closed.'),
    createdBy: z.string(),
    createdAt: time,
    removalAskedBy: z
      .strictObject({ id: z.string(), at: time })
      .nullable()
      .describe('Who asked, as the first of two people, that it be removed.'),
  }),
);

export const windowsSchema = component('FreezeWindows', z.strictObject({ windows: z.array(windowSchema) }));
