import { z } from 'zod';
import type { EditDifference } from '../../ontology/compare-edits.ts';
import type { Mask } from '../../ontology/mask.ts';
import { type Outside, readPlanDifference } from '../../store/read-plan-difference.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { pageQuery } from '../schemas/page-schema.ts';
import { planDifferenceSchema } from '../schemas/plan-schema.ts';
import { proposalParams } from '../schemas/proposal-schema.ts';
import { digest } from '../schemas/text-schema.ts';

export const getPlanDifference = route({
  name: 'getPlanDifference',
  method: 'get',
  path: '/v1/proposals/{proposalId}/plan/difference',
  tag: 'proposals',
  summary: 'Compare two plans of a proposal, edit by edit',
  description: 'What a reviewer whose approval became void wants to know. `planHistory` of the proposal names its plans.',
  permission: 'read',
  request: {
    params: proposalParams,
    query: z.strictObject({
      from: digest.exactOptional().describe('The plan before `to` unless told.'),
      to: digest.exactOptional().describe('The current plan unless told.'),
      ...pageQuery,
    }),
  },
  responses: { 200: { description: 'A page of the difference.', schema: planDifferenceSchema } },
  problems: ['not_found', 'invalid_page_token', 'plan_altered'],
  async handle({ params, query: { from, to, ...page }, caller }, context) {
    const digests = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const found = await context.readAs(
      caller,
      async (tx, _actor, mask) =>
        answered(await readPlanDifference(tx, params.proposalId, digests, page), (difference) => ({
          ...difference,
          from: { ...difference.from, summary: mask.summary(difference.actionType, difference.from.summary) },
          to: { ...difference.to, summary: mask.summary(difference.actionType, difference.to.summary) },
          outside: difference.outside && {
            from: maskedOutside(difference.actionType, difference.outside.from, mask),
            to: maskedOutside(difference.actionType, difference.outside.to, mask),
          },
          edits: difference.edits.map((edit) => masked(edit, mask)),
        })),
      params.proposalId,
    );
    return answered(found, (difference) => ({ status: 200, body: difference }));
  },
});

function maskedOutside(actionType: string, { effects, checks }: Outside, mask: Mask): Outside {
  return {
    effects: effects.map((effect) => mask.effect(actionType, effect)),
    checks: checks.map((check) => mask.check(actionType, check)),
  };
}

/** That a hidden value changed is told, as a plan tells that it would be written. */
function masked(difference: EditDifference, mask: Mask): EditDifference {
  if (difference.kind !== 'changed') return { ...difference, edit: mask.edit(difference.edit) };
  const { from, to, properties } = difference;
  return {
    kind: 'changed',
    from: mask.edit(from),
    to: mask.edit(to),
    properties: properties.map((property) => ('type' in to ? mask.difference(to.type, property) : property)),
  };
}
