import { z } from 'zod';
import { component } from './components.ts';
import { settingProposal } from './setting-schema.ts';
import { instant, nameText, text, time } from './text-schema.ts';

const principalId = text(256);

export const delegationParams = z.strictObject({ id: text(200) });

export const delegationBody = component(
  'NewDelegation',
  z.strictObject({
    delegator: principalId
      .exactOptional()
      .describe('Whose reviewing it is: the caller, where it is left out, or another identity of the caller’s.'),
    delegate: principalId,
    actionTypes: z.array(nameText).min(1).max(200).exactOptional().describe('Only proposals of these.'),
    roles: z.array(text(200)).min(1).max(200).exactOptional().describe('Only with these of the delegator’s roles.'),
    startsAt: instant.exactOptional().describe('Now, where it is left out.'),
    endsAt: instant.describe('At most 90 days after its start.'),
    reason: text(4_000),
  }),
);

export const delegationSchema = component(
  'Delegation',
  z.strictObject({
    id: z.string(),
    delegator: z.string(),
    delegate: z.string(),
    actionTypes: z.array(z.string()).nullable().describe('Null: all.'),
    roles: z.array(z.string()).nullable().describe('Null: all that the delegator has at the time.'),
    startsAt: time,
    endsAt: time,
    reason: z.string(),
    state: z.enum(['coming', 'holds', 'ended', 'revoked']),
    grantedBy: z.string(),
    grantedAt: time,
    revokedBy: z.string().nullable(),
    revokedAt: time.nullable(),
  }),
  'One person reviews on behalf of another, for a time.',
);

export const delegationOutcomeSchema = component(
  'DelegationOutcome',
  z.strictObject({ delegation: delegationSchema.nullable().describe('Null until the proposal is executed.'), proposal: settingProposal }),
);

export const delegationsSchema = component(
  'Delegations',
  z.strictObject({ delegations: z.array(delegationSchema), truncated: z.boolean().describe('There are more than are shown.') }),
  'By id, those that are over left out.',
);
