import { z } from 'zod';
import { component } from './components.ts';
import { time } from './text-schema.ts';

const indexSchema = component(
  'Index',
  z.strictObject({
    type: z.string(),
    property: z.string(),
    state: z.enum(['building', 'ready', 'dropping']),
    scanned: z
      .int()
      .nullable()
      .describe('Objects while it is built, index rows while it is dropped; null where it was complete from its beginning.'),
    total: z.int().nullable().describe('Objects when the build began to look at them; null before, and while dropping.'),
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    workflowId: z.string().nullable().describe('The workflow in Temporal that builds or drops it, or built it.'),
  }),
);

export const indexesSchema = component('Indexes', z.strictObject({ indexes: z.array(indexSchema) }));
