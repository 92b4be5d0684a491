import { z } from 'zod';
import { component } from './components.ts';
import { nextPageToken } from './page-schema.ts';
import { loosens, settingProposal } from './setting-schema.ts';
import { text, time } from './text-schema.ts';

/** As in a token's subject. */
const principalId = text(256);
const roleName = text(200);

export const principalParams = z.strictObject({ id: principalId });

export const principalBody = component(
  'PrincipalChange',
  z.strictObject({
    kind: z
      .enum(['user', 'agent', 'service'])
      .exactOptional()
      .describe('That it is an agent, or is one no more, stands against its tokens.'),
    name: text(200).nullable().exactOptional(),
    roles: z.array(roleName).max(200).exactOptional().describe('All it shall hold; those in force and not named are removed.'),
    teams: z.array(roleName).max(200).exactOptional(),
    disabled: z
      .boolean()
      .exactOptional()
      .describe('From the commit on its reviews do not count and its requests are refused, under all identities that are linked to it.'),
    actsFor: principalId
      .nullable()
      .exactOptional()
      .describe('Whom an agent acts for; stands against what its tokens say, but whom they name still approves nothing that it proposes.'),
    linkedIdentities: z.array(principalId).max(50).exactOptional().describe('All other identities of the same person, who counts once.'),
  }),
  'What an administrator says of a principal. What is left out stays as it is.',
);

export const erasureBody = component('PersonalDataErasure', z.strictObject({ reason: text(4_000) }));

export const erasedSchema = component(
  'ErasedPersonalData',
  z.strictObject({
    disclosures: z.int().describe('Values beside the audit log, whose commitments stay.'),
    reviews: z.int().describe('Reviews whose reason and comments are gone.'),
    proposals: z.int().describe('Ended proposals whose justification is gone.'),
  }),
);

const source = z.strictObject({ source: z.enum(['token', 'administrator']), at: time });

export const principalSchema = component(
  'Principal',
  z.strictObject({
    id: z.string(),
    kind: z.enum(['user', 'agent', 'service']),
    name: z.string().nullable(),
    roles: z.array(z.strictObject({ role: z.string(), ...source.shape, expiresAt: time.nullable() })).describe('In force now.'),
    removedRoles: z.array(z.strictObject({ role: z.string(), at: time })).describe('Tokens issued before cannot bring these back.'),
    teams: z.array(z.string()),
    disabled: z.boolean().describe('Under this identity; who is linked to one that is disabled is held as if they were.'),
    actsFor: z.string().nullable(),
    linkedIdentities: z.array(z.string()),
    sources: z.record(z.string(), source).describe('Of the other fields, where an administrator said something.'),
    firstSeenAt: time,
    updatedAt: time,
  }),
  'What the directory says of a principal. With a token at hand only those roles count that the token claims as well.',
);

export const principalOutcomeSchema = component(
  'PrincipalOutcome',
  z.strictObject({
    principal: principalSchema.nullable().describe('As it is until then; null where the directory does not know it.'),
    loosens,
    proposal: settingProposal,
  }),
);

export const principalPageSchema = component('PrincipalPage', z.strictObject({ principals: z.array(principalSchema), nextPageToken }));

export const principalFilter = { role: roleName.exactOptional() };

export const reviewersSchema = component(
  'Reviewers',
  z.strictObject({
    reviewers: z.array(
      z.strictObject({
        id: z.string(),
        name: z.string().nullable(),
        onBehalfOf: z.string().nullable().describe('Whose review it would be, where this is a delegate; null: their own.'),
      }),
    ),
    truncated: z.boolean().describe('There are more than are shown.'),
  }),
  'Who could review the proposal now, going by the directory.',
);
