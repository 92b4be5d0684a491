import { z } from 'zod';
import { pointerTo } from '../../ontology/json.ts';
import { isFinal } from '../../ontology/lifecycle.ts';
import { type Anchor, findStrayAnchors } from '../../store/find-anchors.ts';
import { recordReview } from '../../store/record-review.ts';
import { isRefusal, type Refusal, refuse } from '../../store/refusal.ts';
import type { ApiContext } from '../api-context.ts';
import type { AuthenticatedCaller } from '../authenticate.ts';
import { route } from '../route.ts';
import { entityTag } from '../schemas/entity-tag.ts';
import { preferenceApplied, preferWait } from '../schemas/prefer-wait.ts';
import { proposalParams, recordedReviewSchema, reviewBody } from '../schemas/proposal-schema.ts';

const ifMatch = entityTag('the plan digest').describe('`"<planDigest>"`: the plan that was looked at.');

export const reviewProposal = route({
  name: 'reviewProposal',
  method: 'post',
  path: '/v1/proposals/{proposalId}/reviews',
  tag: 'proposals',
  summary: 'Approve or reject exactly this plan, or ask for changes',
  permission: 'proposal:review',
  engine: 'goesOn',
  request: { params: proposalParams, headers: z.object({ ifMatch, prefer: preferWait }), body: reviewBody },
  description:
    'With `Prefer: wait`, whoever gives the last approval hears of the execution in the same answer. `request_changes` takes a reason or comments, which may be anchored to edits; the proposer then revises.',
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
    'not_delegated',
    'already_decided',
    'not_awaiting_approval',
    'stale_plan',
    'unexplained_changes',
    'unknown_anchor',
    'not_revisable',
  ],
  async handle({ params, headers, body, caller }, context) {
    const { decision, reason, comments, onBehalfOf } = body;
    const review = {
      ...params,
      decision,
      ...(reason === undefined ? {} : { reason }),
      ...(comments === undefined ? {} : { comments }),
      ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
      digest: headers.ifMatch,
      reviewer: caller,
    };
    const stray = await strayComments(params.proposalId, headers.ifMatch, comments ?? [], caller, context);
    if (stray !== null) return stray;
    const outcome = await context.actAs(caller, params.proposalId, (tx) => recordReview(tx, review, context.resources.deps));
    // Lost if we die here; the relay nudges again. A refusal may have moved the proposal as well: expired, or back to simulation.
    if (outcome.settled !== undefined) context.nudge(caller, { ...params, actionType: outcome.settled.actionType });
    if (isRefusal(outcome)) return outcome;
    const { status, revision, digest, missing } = outcome.settled;
    const { proposalId } = params;
    const left = { id: proposalId, status, revision, planDigest: digest, missing };
    if (headers.prefer === 0 || isFinal(status)) return { status: 201, body: { ...outcome.review, proposal: left } };
    const limitMs = headers.prefer * 1_000;
    const end = await context.until(caller, { proposalId, awaited: 'end', limitMs });
    return {
      status: 201,
      body: { ...outcome.review, proposal: end === null ? left : { id: proposalId, ...end, missing: '' } },
      headers: { 'Preference-Applied': `wait=${headers.prefer}` },
    };
  },
});

/** Looked for before the proposal is locked: a plan never changes, and a large one takes a moment to look through. */
async function strayComments(
  proposalId: string,
  digest: string,
  comments: readonly { on?: Anchor }[],
  caller: AuthenticatedCaller,
  context: ApiContext,
): Promise<Refusal | null> {
  const anchored = [...comments.entries()].flatMap(([at, { on }]) => (on === undefined ? [] : [{ at, on }]));
  if (anchored.length === 0) return null;
  const anchors = anchored.map(({ on }) => on);
  const found = await context.readAs(
    caller,
    async (tx) => ({ stray: await findStrayAnchors(tx, proposalId, digest, anchors) }),
    proposalId,
  );
  if (isRefusal(found)) return found;
  const faults = found.stray.map((index) => ({
    code: 'unknown_anchor',
    pointer: pointerTo('/comments', anchored[index]?.at ?? 0, 'on'),
    message: 'is no edit of this plan',
  }));
  return faults.length > 0 ? refuse('unknown_anchor', faults) : null;
}
