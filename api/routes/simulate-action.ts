import { isRefusal } from '../../store/refusal.ts';
import { simulateAction as dryRun } from '../../store/simulate-action.ts';
import { answered } from '../api-context.ts';
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
  problems: [
    'unknown_action_type',
    'action_type_superseded',
    'proposer_not_allowed',
    'invalid_parameters',
    'unknown_reference',
    'constraint_failed',
    'criteria_failed',
    'conflicting_rules',
    'conflicting_edits',
    'limit_exceeded',
    'evaluation_failed',
    'invalid_value',
    'object_exists',
    'object_missing',
    'still_referenced',
    'not_unique',
    'outside_surface',
    'function_failed',
  ],
  async handle({ params, body, caller }, context) {
    const { pool, deps } = context.resources;
    const plan = await dryRun(pool, caller.tenant, { actionType: params.name, parameters: body.parameters, proposer: caller }, deps);
    const [actionType = ''] = params.name.split('@');
    const shown = await context.showAs(caller, (mask) =>
      isRefusal(plan)
        ? { ...plan, faults: (plan.faults ?? []).map((fault) => mask.fault(actionType, fault)) }
        : {
            ...plan,
            planSummary: mask.summary(plan.actionType.name, plan.planSummary),
            effects: plan.effects.map((effect) => mask.effect(plan.actionType.name, effect)),
            checks: plan.checks.map((check) => mask.check(plan.actionType.name, check)),
            edits: plan.edits.map((edit) => mask.edit(edit)),
          },
    );
    return answered(shown, (body) => ({ status: 200, body }));
  },
});
