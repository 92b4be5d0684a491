import { z } from 'zod';
import { getObjectAsOf } from '../../store/object-as-of.ts';
import { getObject as readObject } from '../../store/read-object.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { objectParams, objectSchema } from '../schemas/object-schema.ts';
import { time } from '../schemas/text-schema.ts';

const asOf = time
  .exactOptional()
  .describe('Reads the object as it was at this time, UTC, ISO 8601; 404 where it did not live then. A time in the future is refused.');

export const getObject = route({
  name: 'getObject',
  method: 'get',
  path: '/v1/objects/{type}/{id}',
  tag: 'objects',
  summary: 'Read an object',
  permission: 'read',
  request: { params: objectParams, query: z.strictObject({ asOf }) },
  responses: { 200: { description: 'The object.', schema: objectSchema } },
  problems: ['unknown_object_type', 'not_found'],
  async handle({ params, query, caller }, context) {
    const { type, id } = params;
    const object = await context.readAs(caller, async (tx, _actor, mask) =>
      answered(await (query.asOf === undefined ? readObject(tx, type, id) : getObjectAsOf(tx, type, id, query.asOf)), (found) =>
        mask.object(found),
      ),
    );
    if (isRefusal(object) && object.refused === 'malformed_request') return { ...object, place: 'query' };
    return answered(object, (found) => ({ status: 200, body: found }));
  },
});
