import { z } from 'zod';
import type { Mask } from '../../ontology/mask.ts';
import { refuseHiddenLink, refuseHiddenQuestion } from '../../store/hidden-question.ts';
import { type ObjectPage, listObjects as readObjects } from '../../store/list-objects.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { objectPageSchema, objectTypeParams } from '../schemas/object-schema.ts';
import { pageQuery } from '../schemas/page-schema.ts';
import { text } from '../schemas/text-schema.ts';

const filter = text(4_000)
  .exactOptional()
  .describe('CEL over the properties by name, and `id`; for example `status == "open" && passengers > 100`.');
const orderBy = text(200)
  .exactOptional()
  .describe('A property, or `id`; ` desc` behind it turns the order, that of the ids among equals too. Absent values come last.');
const select = text(4_000).exactOptional().describe('The properties to show, with commas between; all unless told.');
const expand = text(1_000)
  .exactOptional()
  .describe(
    'At most five links of the type, with commas between: each object carries the first 100 that it is linked to. Pages hold at most 100 objects then.',
  );
const count = z
  .stringbool({ truthy: ['true'], falsy: ['false'] })
  .exactOptional()
  .meta({ description: 'Counts what the filter selects over all pages, up to 10,000.', type: 'boolean' });

export const listObjects = route({
  name: 'listObjects',
  method: 'get',
  path: '/v1/objects/{type}',
  tag: 'objects',
  summary: 'List objects of a type',
  permission: 'read',
  request: { params: objectTypeParams, query: z.strictObject({ filter, orderBy, select, expand, count, ...pageQuery }) },
  responses: { 200: { description: 'A page of objects.', schema: objectPageSchema } },
  problems: ['unknown_object_type', 'invalid_filter', 'sensitive_property', 'invalid_page_token'],
  async handle({ params, query, caller }, context) {
    const { deps } = context.resources;
    const page = await context.readAs(caller, async (tx, _actor, mask) => {
      const refused = await refuseHiddenQuestion(tx, params.type, query, mask, deps);
      if (refused !== null) return refused;
      for (const link of query.expand?.split(',') ?? []) {
        const hidden = await refuseHiddenLink(tx, link.trim(), mask, deps);
        if (hidden !== null) return hidden;
      }
      return answered(await readObjects(tx, params.type, query, deps), (found) => masked(found, mask));
    });
    if (isRefusal(page)) return { ...page, place: 'query' };
    return { status: 200, body: page };
  },
});

/** Linked objects are masked as the others are. */
function masked(page: ObjectPage, mask: Mask): ObjectPage {
  const objects = page.objects.map((object) =>
    object.links === undefined
      ? object
      : { ...object, links: Object.fromEntries(Object.entries(object.links).map(([name, linked]) => [name, mask.page(linked)])) },
  );
  return mask.page({ ...page, objects });
}
