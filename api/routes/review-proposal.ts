import { z } from 'zod';
import { isFinal } from '../../ontology/lifecycle.ts';
import { recordReview } from '../../store/record-review.ts';
import { isRefusal } from '../../store/refusal.ts';
import { route } from '../route.ts';
import { preferenceApplied, preferWait } from '../schemas/prefer-wait.ts';
import { proposalParams, recordedReviewSchema, reviewBody } from '../schemas/proposal-schema.ts';

/** A strong entity tag. What is between the quotes is compared with the plan's digest, so one that is no digest is simply another plan's. */
const ifMatch = z
  .string()
  .regex(/^\s*"[\x21\x23-\x7e]{1,200}"\s*$/, 'must be one entity tag in quotes: the plan digest')
  .transform((tag) => tag.trim().slice(1, -1))
  .describe('`"<planDigest>"`: the plan that was looked at.');

export const reviewProposal = route({
  name: 'reviewProposal',
  method: 'post',
  path: '/v1/proposals/{proposalId}/reviews',
  tag: 'proposals',
  summary: 'Approve or reject exactly this plan',
  permission: 'proposal:review',
  request: { params: proposalParams, headers: z.object({ ifMatch, prefer: preferWait }), body: reviewBody },
  description: 'With `Prefer: wait`, whoever gives the last approval hears of the execution in the same answer.',
  responses: {
    201: {
      description: 'The review was stored; the answer says what became of the proposal.',
      schema: recordedReviewSchema,
      headers: preferenceApplied,
    },
  },
  problems: [
    'not_found',
    'if_match_required',
    'stale_digest',
    'self_review',
    'agent_may_not_review',
    'not_eligible',
    'already_decided',
    'not_awaiting_approval',
    'stale_plan',
    'request_changes_unavailable',
  ],
  async handle({ params, headers, body, caller }, context) {
    const { decision, reason, comments } = body;
    const review = {
      ...params,
      decision,
      ...(reason === undefined ? {} : { reason }),
      ...(comments === undefined ? {} : { comments }),
      digest: headers.ifMatch,
      reviewer: caller,
    };
    const outcome = await context.writeAs(caller, (tx) => recordReview(tx, review, context.resources.deps));
    // Lost if we die here; the relay nudges again. A refusal may have moved the proposal as well: expired, or back to simulation.
    if (outcome.settled !== undefined) context.nudge(caller, { ...params, actionType: outcome.settled.actionType });
    if (isRefusal(outcome)) return outcome;
    const { status, revision, digest, missing } = outcome.settled;
    const { proposalId } = params;
    const left = { id: proposalId, status, revision, planDigest: digest, missing };
    if (headers.prefer === 0 || isFinal(status)) return { status: 201, body: { ...outcome.review, proposal: left } };
    const limitMs = headers.prefer * 1_000;
    const end = await context.resources.watch.until(caller.tenant, { proposalId, awaited: 'end', limitMs });
    return {
      status: 201,
      body: { ...outcome.review, proposal: end === null ? left : { id: proposalId, ...end, missing: '' } },
      headers: { 'Preference-Applied': `wait=${headers.prefer}` },
    };
  },
});
