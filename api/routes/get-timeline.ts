import { readTimeline } from '../../store/read-timeline.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { proposalParams, timelineSchema } from '../schemas/proposal-schema.ts';

export const getTimeline = route({
  name: 'getTimeline',
  method: 'get',
  path: '/v1/proposals/{proposalId}/timeline',
  tag: 'proposals',
  summary: 'Read what happened to a proposal',
  permission: 'read',
  request: { params: proposalParams },
  responses: { 200: { description: 'Its entries in the audit log, oldest first.', schema: timelineSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const timeline = await context.readAs(caller, (tx) => readTimeline(tx, params.proposalId), params.proposalId);
    return answered(timeline, (entries) => ({ status: 200, body: { timeline: entries } }));
  },
});
