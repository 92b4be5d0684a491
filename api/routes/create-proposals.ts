import { type NewProposal, type Proposed, refusalToProposeAnything, createProposal as storeProposal } from '../../store/create-proposal.ts';
import { isRefusal, type Refusal } from '../../store/refusal.ts';
import type { ApiContext } from '../api-context.ts';
import type { AuthenticatedCaller } from '../authenticate.ts';
import { problemDocument } from '../problem.ts';
import { route } from '../route.ts';
import { batchBody, batchHeaders, batchSchema } from '../schemas/batch-schema.ts';

const atOnce = 4; // One request is not to take all connections of the process.

export const createProposals = route({
  name: 'createProposals',
  method: 'post',
  path: '/v1/proposals:batch',
  tag: 'proposals',
  summary: 'Propose up to 1,000 actions, each for itself',
  description:
    'Each is accepted or refused by itself, and simulated after the answer. The same key with the same batch makes none of them twice, also where the first answer was lost in the middle.',
  permission: 'proposal:create',
  request: { headers: batchHeaders, body: batchBody },
  responses: { 200: { description: 'What became of each; some may have been refused.', schema: batchSchema } },
  problems: [],
  async handle({ headers, body, caller }, context) {
    const refusal = await context.writeAs(caller, (tx) => refusalToProposeAnything(tx, caller, context.resources.deps));
    if (refusal !== null) return refusal;
    const outcomes = new Array<Proposed | Refusal>(body.proposals.length);
    let next = 0;
    const lane = async () => {
      for (let index = next++; index < outcomes.length; index = next++) {
        const request = { ...body.proposals[index], idempotencyKey: `${headers.idempotencyKey}#${index}`, proposer: caller } as NewProposal;
        outcomes[index] = await proposeOne(request, caller, context);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    const results = outcomes.map((outcome, index) => {
      if (!isRefusal(outcome)) return { index, proposalId: outcome.proposalId, status: outcome.status, repeated: outcome.repeated };
      const { requestId: _, ...problem } = problemDocument(outcome, { instance: `/v1/proposals:batch#/proposals/${index}`, requestId: '' });
      return { index, problem };
    });
    const refused = outcomes.filter(isRefusal).length;
    return { status: 200, body: { accepted: outcomes.length - refused, refused, results } };
  },
});

async function proposeOne(request: NewProposal, caller: AuthenticatedCaller, context: ApiContext): Promise<Proposed | Refusal> {
  const proposed = await context.writeAs(caller, (tx) => storeProposal(tx, request, context.resources.deps));
  if (!isRefusal(proposed) && proposed.status === 'simulating') context.nudge(caller, proposed);
  return proposed;
}
