import { listActionTypes as readActionTypes } from '../../store/list-types.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { actionTypesSchema } from '../schemas/type-schema.ts';

export const listActionTypes = route({
  name: 'listActionTypes',
  method: 'get',
  path: '/v1/action-types',
  tag: 'ontology',
  summary: 'List action types',
  permission: 'read',
  responses: { 200: { description: 'Every action type at its current version.', schema: actionTypesSchema } },
  async handle({ caller }, context) {
    const types = await context.readAs(caller, async (tx, _actor, mask) =>
      (await readActionTypes(tx, context.resources.deps)).map((type) => ({
        ...type,
        masked: mask.hidden('actionTypes', type.name, type.definition.parameters),
      })),
    );
    return answered(types, (actionTypes) => ({ status: 200, body: { actionTypes } }));
  },
});
