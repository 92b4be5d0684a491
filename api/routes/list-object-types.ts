import { listObjectTypes as readObjectTypes } from '../../store/list-types.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { objectTypesSchema } from '../schemas/type-schema.ts';

export const listObjectTypes = route({
  name: 'listObjectTypes',
  method: 'get',
  path: '/v1/object-types',
  tag: 'ontology',
  summary: 'List object types',
  permission: 'read',
  responses: { 200: { description: 'Every object type with its links.', schema: objectTypesSchema } },
  async handle({ caller }, context) {
    const types = await context.readAs(caller, async (tx, _actor, mask) =>
      (await readObjectTypes(tx, context.resources.deps)).map((type) => ({
        ...type,
        masked: mask.hidden('objectTypes', type.name, type.definition.properties),
      })),
    );
    return answered(types, (objectTypes) => ({ status: 200, body: { objectTypes } }));
  },
});
