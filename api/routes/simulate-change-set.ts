import { changeSetName } from '../../ontology/change-set.ts';
import { isRefusal } from '../../store/refusal.ts';
import { simulateAction } from '../../store/simulate-action.ts';
import { dryRunProblems, presentDryRun } from '../present-dry-run.ts';
import { route } from '../route.ts';
import { changeSetTrial } from '../schemas/batch-schema.ts';
import { dryRunSchema } from '../schemas/plan-schema.ts';

export const simulateChangeSet = route({
  name: 'simulateChangeSet',
  method: 'post',
  path: '/v1/proposals:simulate',
  tag: 'proposals',
  summary: 'Try a change set without storing anything',
  description:
    'For whoever may propose all of its actions. One that cannot be planned is refused with the reasons a proposal would be `invalid` for, which name the action.',
  permission: 'proposal:create',
  request: { body: changeSetTrial },
  responses: { 200: { description: 'The one plan that the set would have now.', schema: dryRunSchema } },
  problems: ['unknown_action_type', ...dryRunProblems],
  async handle({ body, caller }, context) {
    const { pool, deps } = context.resources;
    const actions = body.changeSet.actions;
    const actionType = changeSetName(actions.map((action) => action.actionType));
    const plan = await simulateAction(pool, caller.tenant, { actionType, parameters: { actions }, proposer: caller }, deps);
    const shown = await presentDryRun(plan, actionType, caller, context);
    if (!isRefusal(shown) || shown.faults === undefined) return shown;
    // Pointers into what was sent.
    const sent = ({ pointer, ...fault }: (typeof shown.faults)[number]) =>
      pointer === undefined ? fault : { ...fault, pointer: pointer.replace(/^\/parameters/, '/changeSet') };
    return { ...shown, faults: shown.faults.map(sent) };
  },
});
