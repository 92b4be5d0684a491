import { z } from 'zod';
import { readHistory } from '../../store/read-object.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { historyPageSchema, objectParams } from '../schemas/object-schema.ts';
import { pageQuery } from '../schemas/page-schema.ts';

export const getHistory = route({
  name: 'getHistory',
  method: 'get',
  path: '/v1/objects/{type}/{id}/history',
  tag: 'objects',
  summary: 'Read what happened to an object, newest first',
  description: 'Each entry names the execution and the proposal behind it. Deleted objects have a history too.',
  permission: 'read',
  request: { params: objectParams, query: z.strictObject(pageQuery) },
  responses: { 200: { description: 'A page of its history.', schema: historyPageSchema } },
  problems: ['unknown_object_type', 'not_found', 'invalid_page_token'],
  async handle({ params, query, caller }, context) {
    const page = await context.readAs(caller, async (tx, _actor, mask) =>
      answered(await readHistory(tx, params.type, params.id, query), ({ history, nextPageToken }) => ({
        history: history.map((entry) => mask.change(params.type, entry)),
        nextPageToken,
      })),
    );
    return answered(page, (history) => ({ status: 200, body: history }));
  },
});
