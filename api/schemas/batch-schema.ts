import { z } from 'zod';
import { component } from './components.ts';
import { newProposalBody, statusSchema } from './proposal-schema.ts';
import { json, uuid } from './text-schema.ts';

const mostProposals = 1_000;

export const batchHeaders = z.object({
  idempotencyKey: z
    .string()
    .regex(/^[\x21-\x7e]{1,190}$/, 'must be 1 to 190 printable ASCII characters')
    .describe('Of the whole batch; required, so that a batch whose answer was lost can be sent again.'),
});

export const batchBody = component('NewProposals', z.strictObject({ proposals: z.array(newProposalBody).min(1).max(mostProposals) }));

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
  'What became of each, in the order in which they were sent.',
);
