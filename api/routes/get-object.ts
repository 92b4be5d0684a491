import { getObject as readObject } from '../../store/read-object.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { objectParams, objectSchema } from '../schemas/object-schema.ts';

export const getObject = route({
  name: 'getObject',
  method: 'get',
  path: '/v1/objects/{type}/{id}',
  tag: 'objects',
  summary: 'Read an object',
  permission: 'read',
  request: { params: objectParams },
  responses: { 200: { description: 'The object.', schema: objectSchema } },
  problems: ['unknown_object_type', 'not_found'],
  async handle({ params, caller }, context) {
    const object = await context.readAs(caller, async (tx, _actor, mask) =>
      answered(await readObject(tx, params.type, params.id), (found) => mask.object(found)),
    );
    return answered(object, (found) => ({ status: 200, body: found }));
  },
});
