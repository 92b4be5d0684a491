import { z } from 'zod';
import { readPlan } from '../../store/read-plan.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { pageQuery } from '../schemas/page-schema.ts';
import { planPageSchema } from '../schemas/plan-schema.ts';
import { proposalParams } from '../schemas/proposal-schema.ts';

export const getPlan = route({
  name: 'getPlan',
  method: 'get',
  path: '/v1/proposals/{proposalId}/plan',
  tag: 'proposals',
  summary: 'Read the plan, edits in pages',
  description: 'The ETag is the plan\u2019s digest: what a review names in If-Match.',
  permission: 'read',
  request: { params: proposalParams, query: z.strictObject(pageQuery) },
  responses: {
    200: { description: 'A page of the plan.', schema: planPageSchema, headers: { ETag: 'The plan’s digest, in quotes.' } },
    304: { description: 'If-None-Match names this plan: its pages are what they were.' },
  },
  problems: ['not_found', 'invalid_page_token', 'plan_altered'],
  async handle({ params, query, caller }, context) {
    const page = await context.readAs(
      caller,
      async (tx, _actor, mask) =>
        answered(await readPlan(tx, params.proposalId, query), (plan) => ({
          ...plan,
          summary: mask.summary(plan.actionType.name, plan.summary),
          effects: plan.effects.map((effect) => mask.effect(plan.actionType.name, effect)),
          checks: plan.checks.map((check) => mask.check(plan.actionType.name, check)),
          edits: plan.edits.map((edit) => mask.edit(edit)),
        })),
      params.proposalId,
    );
    return answered(page, (plan) => ({ status: 200, body: plan, headers: { etag: `"${plan.digest}"` } }));
  },
});
