import { z } from 'zod';
import { isFinal } from '../../ontology/lifecycle.ts';
import { readStatus } from '../../store/read-proposal.ts';
import { isRefusal } from '../../store/refusal.ts';
import { type ApiContext, answered } from '../api-context.ts';
import type { AuthenticatedCaller } from '../authenticate.ts';
import { route } from '../route.ts';
import { preferenceApplied, preferWait } from '../schemas/prefer-wait.ts';
import { proposalParams, proposalSchema } from '../schemas/proposal-schema.ts';
import { viewProposal } from '../view-proposal.ts';

export const getProposal = route({
  name: 'getProposal',
  method: 'get',
  path: '/v1/proposals/{proposalId}',
  tag: 'proposals',
  summary: 'Read a proposal',
  description: '`actions` says what the caller may do with it now, and why not.',
  permission: 'read',
  request: { params: proposalParams, headers: z.object({ prefer: preferWait }) },
  responses: {
    200: { description: 'The proposal.', schema: proposalSchema, headers: preferenceApplied },
  },
  problems: ['not_found'],
  async handle({ params, headers, caller, gone }, context) {
    const { proposalId } = params;
    const waits = headers.prefer > 0 && (await isOpen(proposalId, caller, context));
    const wait = { proposalId, awaited: 'end', limitMs: headers.prefer * 1_000, signal: gone } as const;
    if (waits) await context.until(caller, wait);
    const view = await viewProposal(proposalId, caller, context);
    return answered(view, (proposal) => ({
      status: 200,
      body: proposal,
      ...(waits ? { headers: { 'Preference-Applied': `wait=${headers.prefer}` } } : {}),
    }));
  },
});

/** Asked as the reader that the caller is, so that nobody else learns anything by waiting. */
async function isOpen(proposalId: string, caller: AuthenticatedCaller, context: ApiContext): Promise<boolean> {
  const found = await context.glanceAs(
    caller,
    (sql) => readStatus(sql, proposalId),
    (status) => ({ status }),
    proposalId,
  );
  return !isRefusal(found) && found.status !== null && !isFinal(found.status);
}
