import { z } from 'zod';
import { component } from './components.ts';
import { json, time, uuid } from './text-schema.ts';

const decision = component(
  'Decision',
  z.strictObject({
    id: uuid,
    at: time,
    actor: z.string().describe('Who asked; of an execution, on whose behalf.'),
    action: z.enum(['propose', 'revise', 'revert', 'withdraw', 'review', 'stage', 'execute', 'override', 'cancel', 'resolve', 'look back']),
    outcome: z
      .enum(['allowed', 'refused', 'asked', 'held'])
      .describe(
        '`asked`: the plan was sent to the stages of its approval policy. `held`: it is approved and not executed, for this reason.',
      ),
    reason: z
      .string()
      .nullable()
      .describe('A code of the catalogue, or of what is held why the proposal moved; null where it was neither refused nor held.'),
    revision: z.int(),
    digest: z.string().nullable().describe('Of the plan; null before there is one.'),
    policyVersion: z.int().describe('Which version of the policies answered; 0 are the built-in ones.'),
    policies: z.array(z.string()).describe('Those that determined it; none where the gate’s own rules did.'),
    errors: z.array(z.string()).describe('What could not be computed, and was refused for that.'),
    details: z.record(z.string(), json),
    explanation: z.string().describe('The same in words.'),
  }),
);

export const decisionsSchema = component(
  'Decisions',
  z.strictObject({ decisions: z.array(decision) }),
  'What was decided on a proposal, oldest first.',
);
