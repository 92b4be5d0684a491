import { getActionType as readActionType } from '../../store/list-types.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { actionTypeParams, actionTypeSchema } from '../schemas/type-schema.ts';

export const getActionType = route({
  name: 'getActionType',
  method: 'get',
  path: '/v1/action-types/{name}',
  tag: 'ontology',
  summary: 'Read an action type, with the JSON Schema of its parameters',
  permission: 'read',
  request: { params: actionTypeParams },
  responses: { 200: { description: 'The action type at its current version.', schema: actionTypeSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const type = await context.readAs(caller, async (tx, _actor, mask) =>
      answered(await readActionType(tx, params.name, context.resources.deps), (found) => ({
        ...found,
        masked: mask.hidden('actionTypes', found.name, found.definition.parameters),
      })),
    );
    return answered(type, (actionType) => ({ status: 200, body: actionType }));
  },
});
