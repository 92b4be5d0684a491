import { z } from 'zod';
import { mostActions, mostMembers } from '../../ontology/change-set.ts';
import { component } from './components.ts';
import { newProposalBody, statusSchema } from './proposal-schema.ts';
import { instant, json, text, uuid } from './text-schema.ts';

export const batchHeaders = z.object({
  idempotencyKey: z
    .string()
    .regex(/^[\x21-\x7e]{1,190}$/, 'must be 1 to 190 printable ASCII characters')
    .describe('Of the whole batch; required, so that a batch whose answer was lost can be sent again.'),
});

const actions = z
  .array(
    z.strictObject({
      actionType: z.string().regex(/^[^+@]{1,100}$/, 'must be the name of an action type'),
      parameters: z.record(z.string(), json),
    }),
  )
  .min(1)
  .max(mostActions)
  .refine(
    (actions) => new Set(actions.map(({ actionType }) => actionType)).size <= mostMembers,
    `must be of at most ${mostMembers} action types`,
  );

const changeSet = z
  .strictObject({
    actions,
    justification: text(4_000).describe('Why; shown to reviewers.'),
    executeAfter: instant.exactOptional().describe('Once approved it is held until then.'),
  })
  .describe('Actions in order, each of which sees what those before it would do: one plan, one approval, one execution, one revert.');

export const batchBody = component(
  'NewProposals',
  z
    .strictObject({ proposals: z.array(newProposalBody).min(1).max(mostActions).exactOptional(), changeSet: changeSet.exactOptional() })
    .refine(
      ({ proposals, changeSet }) => (proposals === undefined) !== (changeSet === undefined),
      'must have either `proposals` or a `changeSet`',
    ),
);

export const changeSetTrial = component('ChangeSetTrial', z.strictObject({ changeSet: z.strictObject({ actions }) }));

export const batchSchema = component(
  'ProposalBatch',
  z.strictObject({
    accepted: z.int(),
    refused: z.int(),
    results: z.array(
      z.union([
        z.strictObject({ index: z.int(), proposalId: uuid, status: statusSchema, repeated: z.boolean() }),
        z.strictObject({ index: z.int(), problem: z.record(z.string(), json).describe('RFC 9457.') }),
      ]),
    ),
  }),
  'What became of each of `proposals`, in the order in which they were sent.',
);
