import { changeSetName } from '../../ontology/change-set.ts';
import { type NewProposal, type Proposed, refusalToProposeAnything, createProposal as storeProposal } from '../../store/create-proposal.ts';
import { holdNudges } from '../../store/nudges.ts';
import { isRefusal, type Refusal } from '../../store/refusal.ts';
import { answerProposed } from '../answer-proposed.ts';
import type { ApiContext } from '../api-context.ts';
import type { AuthenticatedCaller } from '../authenticate.ts';
import { problemDocument } from '../problem.ts';
import { type Answer, route } from '../route.ts';
import { batchBody, batchHeaders, batchSchema } from '../schemas/batch-schema.ts';
import { proposalSchema } from '../schemas/proposal-schema.ts';
import { tellRefusals } from '../tell-refusal.ts';

const atOnce = 4; // One request is not to take all connections of the process; and where others call, no more than the part of its tenant.

export const createProposals = route({
  name: 'createProposals',
  method: 'post',
  path: '/v1/proposals:batch',
  tag: 'proposals',
  summary: 'Propose up to 1,000 actions, each for itself or as one change set',
  description:
    'Of `proposals` each is accepted or refused by itself, and simulated after the answer, in its turn. A `changeSet` is one proposal, answered as such. The same key with the same batch makes nothing twice, also where the first answer was lost in the middle.',
  permission: 'proposal:create',
  engine: 'begins',
  request: { headers: batchHeaders, body: batchBody },
  responses: {
    200: { description: 'What became of each; some may have been refused.', schema: batchSchema },
    201: { description: 'The change set, simulated.', schema: proposalSchema, headers: { Location: 'Address of the proposal.' } },
    202: {
      description: 'The change set is stored and its simulation goes on; read it again.',
      schema: proposalSchema,
      headers: { Location: 'Address of the proposal.' },
    },
  },
  problems: ['unknown_action_type', 'proposer_not_allowed', 'switched_off', 'invalid_parameters', 'idempotency_key_reused'],
  async handle({ headers, body, caller }, context) {
    if (body.changeSet !== undefined) return proposeChangeSet(body.changeSet, headers.idempotencyKey, caller, context);
    const proposals = body.proposals ?? [];
    const refusal = await context.writeAs(caller, (tx) => refusalToProposeAnything(tx, caller, context.resources.deps));
    if (refusal !== null) return refusal;
    const outcomes = new Array<Proposed | Refusal>(proposals.length);
    let next = 0;
    const lane = async (number: number) => {
      for (let index = next++; index < outcomes.length; index = next++) {
        const idempotencyKey = `${headers.idempotencyKey} ${index}`; // No key that a client gives holds a space, so none is this one.
        const request = { ...proposals[index], idempotencyKey, proposer: caller } as NewProposal;
        outcomes[index] = await proposeOne(request, caller, context);
        if (number >= context.engine.part) return;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, (_, number) => lane(number)));
    const begun = outcomes.filter((outcome): outcome is Proposed => !isRefusal(outcome) && outcome.status === 'simulating');
    if (begun.length > 0) context.nudgeInTurn(caller, begun);
    const results = outcomes.map((outcome, index) => {
      if (!isRefusal(outcome)) return { index, proposalId: outcome.proposalId, status: outcome.status, repeated: outcome.repeated };
      const { requestId: _, ...problem } = problemDocument(outcome, { instance: `/v1/proposals:batch#/proposals/${index}`, requestId: '' });
      return { index, problem };
    });
    const refused = outcomes.filter(isRefusal);
    await tellRefusals('proposal:create', refused, { caller }, context);
    return { status: 200, body: { accepted: outcomes.length - refused.length, refused: refused.length, results } };
  },
});

async function proposeChangeSet(
  { actions, ...rest }: NonNullable<(typeof batchBody)['_output']['changeSet']>,
  idempotencyKey: string,
  caller: AuthenticatedCaller,
  context: ApiContext,
): Promise<Answer | Refusal> {
  const actionType = changeSetName(actions.map((action) => action.actionType));
  const request = { ...rest, actionType, parameters: { actions }, idempotencyKey, proposer: caller };
  const proposed = await context.writeAs(caller, (tx) => storeProposal(tx, request, context.resources.deps));
  return answerProposed(isRefusal(proposed) ? inTheSet(proposed) : proposed, caller, context);
}

/** Pointers into what was sent. */
function inTheSet(refusal: Refusal): Refusal {
  const { faults } = refusal;
  if (faults === undefined) return refusal;
  const sent = ({ pointer, ...fault }: (typeof faults)[number]) =>
    pointer === undefined ? fault : { ...fault, pointer: pointer.replace(/^\/parameters|^(?=\/executeAfter)/, '/changeSet') };
  return { ...refusal, faults: faults.map(sent) };
}

async function proposeOne(request: NewProposal, caller: AuthenticatedCaller, context: ApiContext): Promise<Proposed | Refusal> {
  return context.writeAs(caller, async (tx) => {
    const proposed = await storeProposal(tx, request, context.resources.deps);
    if (!isRefusal(proposed)) holdNudges(tx, [proposed.proposalId]);
    return proposed;
  });
}
