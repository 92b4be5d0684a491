import { simulateAction as dryRun } from '../../store/simulate-action.ts';
import { dryRunProblems, presentDryRun } from '../present-dry-run.ts';
import { route } from '../route.ts';
import { dryRunSchema } from '../schemas/plan-schema.ts';
import { actionTypeParams, simulationBody } from '../schemas/type-schema.ts';

export const simulateAction = route({
  name: 'simulateAction',
  method: 'post',
  path: '/v1/action-types/{name}/simulate',
  tag: 'ontology',
  summary: 'Try an action without storing anything',
  description:
    'For whoever may propose it. An action that cannot be planned is refused with the reasons a proposal would be `invalid` for.',
  permission: 'proposal:create',
  request: { params: actionTypeParams, body: simulationBody },
  responses: { 200: { description: 'The plan it would have now.', schema: dryRunSchema } },
  problems: ['not_found', 'action_type_superseded', ...dryRunProblems],
  async handle({ params, body, caller }, context) {
    const { pool, deps } = context.resources;
    const plan = await dryRun(pool, caller.tenant, { actionType: params.name, parameters: body.parameters, proposer: caller }, deps);
    const [actionType = ''] = params.name.split('@');
    return presentDryRun(plan, actionType, caller, context);
  },
});
