import { z } from 'zod';
import { isFinal } from '../../ontology/lifecycle.ts';
import { awaitEnd } from '../../store/await-end.ts';
import { readProposal } from '../../store/read-proposal.ts';
import { isRefusal, refuse } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { presentProposal } from '../present-proposal.ts';
import { route } from '../route.ts';
import { proposalParams, proposalSchema } from '../schemas/proposal-schema.ts';

const longestWaitSeconds = 60; // Proxies in between commonly end a silent request after a minute.

/** RFC 7240. Preferences that are not understood are ignored, as the RFC asks. Seconds. */
const prefer = z
  .string()
  .optional()
  .transform((given) => Math.min(longestWaitSeconds, Number(/(?:^|[,;\s])wait\s*=\s*(\d{1,4})(?:$|[,;\s])/.exec(given ?? '')?.[1] ?? 0)))
  .describe(`\`wait=<seconds>\`, at most ${longestWaitSeconds}: answer when the proposal is in a final state, or when the time is over.`);

export const getProposal = route({
  name: 'getProposal',
  method: 'get',
  path: '/v1/proposals/{proposalId}',
  tag: 'proposals',
  summary: 'Read a proposal',
  description: '`actions` says what the caller may do with it now, and why not.',
  permission: 'read',
  request: { params: proposalParams, headers: z.object({ prefer }) },
  responses: {
    200: { description: 'The proposal.', schema: proposalSchema, headers: { 'Preference-Applied': 'Present when the answer waited.' } },
  },
  problems: ['not_found'],
  async handle({ params, headers, caller }, context) {
    const { deps, pool } = context.resources;
    const read = () =>
      context.readAs(caller, async (tx, actor) => (await readProposal(tx, params.proposalId, actor, deps)) ?? refuse('not_found'));
    const first = await read();
    const waits = headers.prefer > 0 && !isRefusal(first) && !isFinal(first.status);
    if (waits) await awaitEnd(pool, caller.tenant, params.proposalId, headers.prefer * 1_000);
    return answered(waits ? await read() : first, (proposal) => ({
      status: 200,
      body: presentProposal(proposal, context),
      ...(waits ? { headers: { 'Preference-Applied': `wait=${headers.prefer}` } } : {}),
    }));
  },
});
