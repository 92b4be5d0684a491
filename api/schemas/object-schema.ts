import { z } from 'zod';
import { component } from './components.ts';
import { nextPageToken } from './page-schema.ts';
import { idText, json, nameText, time } from './text-schema.ts';

export const objectTypeParams = z.strictObject({ type: nameText });
export const objectParams = z.strictObject({ type: nameText, id: idText });
export const linkParams = z.strictObject({ type: nameText, id: idText, link: nameText });

const values = z.record(z.string(), json);

export const objectSchema = component(
  'Object',
  z.strictObject({
    type: z.string(),
    id: z.string(),
    version: z.int().describe('Rises with each change and never restarts.'),
    properties: values.describe('By name. A sensitive value that is not for the caller is `{"$masked": true}`.'),
  }),
  'One instance of an object type.',
);

const linkedSchema = z.strictObject({
  objects: z.array(objectSchema),
  truncated: z.boolean().describe('There are more than these 100; walk the link itself.'),
});

const expandedSchema = component(
  'ExpandedObject',
  objectSchema.extend({
    links: z
      .record(z.string(), linkedSchema)
      .exactOptional()
      .describe('With `expand`: by link, the objects that this one is linked to, by id.'),
  }),
  'One instance of an object type in a list.',
);

export const objectPageSchema = component(
  'ObjectPage',
  z.strictObject({
    objects: z.array(expandedSchema),
    nextPageToken,
    totalCount: z.int().exactOptional().describe('With `count=true`: how many objects the filter selects, over all pages.'),
    totalCountIsLowerBound: z.boolean().exactOptional().describe('There are more than `totalCount`: counting ends at 10,000.'),
  }),
);

export const historyPageSchema = component(
  'HistoryPage',
  z.strictObject({
    history: z.array(
      z.strictObject({
        version: z.int(),
        op: z.enum(['create', 'modify', 'delete', 'link', 'unlink']),
        before: values.nullable(),
        set: values.nullable(),
        unset: z.array(z.string()),
        executionId: z.string(),
        proposalId: z.string(),
        actionType: z.string(),
        at: time,
      }),
    ),
    nextPageToken,
  }),
  'What executions did to an object, newest first.',
);
