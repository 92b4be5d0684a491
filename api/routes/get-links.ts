import { z } from 'zod';
import { readLinks } from '../../store/read-links.ts';
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
  problems: ['unknown_object_type', 'unknown_link_type', 'not_found', 'invalid_page_token'],
  async handle({ params, query, caller }, context) {
    const { type, id, link } = params;
    const page = await context.readAs(caller, (tx) => readLinks(tx, type, id, link, query, context.resources.deps));
    return answered(page, (objects) => ({ status: 200, body: objects }));
  },
});
