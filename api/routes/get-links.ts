import { z } from 'zod';
import { refuseHiddenLink } from '../../store/hidden-question.ts';
import { readLinks } from '../../store/read-links.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { linkParams, objectPageSchema } from '../schemas/object-schema.ts';
import { pageQuery } from '../schemas/page-schema.ts';

const reverse = z
  .stringbool({ truthy: ['true'], falsy: ['false'] })
  .exactOptional()
  .meta({ description: 'Walks a link type from a type to itself backwards.', type: 'boolean' });

export const getLinks = route({
  name: 'getLinks',
  method: 'get',
  path: '/v1/objects/{type}/{id}/links/{link}',
  tag: 'objects',
  summary: 'Walk a link from an object',
  description: 'Link types are walked from whichever end the object is on.',
  permission: 'read',
  request: { params: linkParams, query: z.strictObject({ reverse, ...pageQuery }) },
  responses: { 200: { description: 'A page of the linked objects, by id.', schema: objectPageSchema } },
  problems: ['unknown_object_type', 'unknown_link_type', 'sensitive_property', 'not_found', 'invalid_page_token'],
  async handle({ params, query, caller }, context) {
    const { type, id, link } = params;
    const { deps } = context.resources;
    const page = await context.readAs(caller, async (tx, _actor, mask) => {
      const refused = await refuseHiddenLink(tx, link, mask, deps);
      return refused ?? answered(await readLinks(tx, type, id, link, query, deps), (found) => mask.page(found));
    });
    if (isRefusal(page) && page.refused === 'sensitive_property') return { ...page, place: 'path' };
    return answered(page, (objects) => ({ status: 200, body: objects }));
  },
});
