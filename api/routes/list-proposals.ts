import { z } from 'zod';
import { listProposals as readProposals } from '../../store/list-proposals.ts';
import { answered } from '../api-context.ts';
import { presentProposal } from '../present-proposal.ts';
import { route } from '../route.ts';
import { pageQuery } from '../schemas/page-schema.ts';
import { proposalFilter, proposalPageSchema } from '../schemas/proposal-schema.ts';

export const listProposals = route({
  name: 'listProposals',
  method: 'get',
  path: '/v1/proposals',
  tag: 'proposals',
  summary: 'List proposals, newest first',
  permission: 'read',
  request: { query: z.strictObject({ ...proposalFilter, ...pageQuery }) },
  responses: { 200: { description: 'A page of proposals.', schema: proposalPageSchema } },
  problems: ['invalid_page_token'],
  async handle({ query, caller }, context) {
    const page = await context.readAs(caller, async (tx, actor, mask) =>
      answered(await readProposals(tx, query, actor, context.resources.deps), ({ proposals, nextPageToken }) => ({
        proposals: proposals.map((proposal) => presentProposal(proposal, mask, context)),
        nextPageToken,
      })),
    );
    return answered(page, (body) => ({ status: 200, body }));
  },
});
