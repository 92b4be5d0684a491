import { z } from 'zod';
import { proposalStatuses } from '../../ontology/lifecycle.ts';
import { component } from './components.ts';
import { emergencySchema } from './emergency-schema.ts';
import { nextPageToken } from './page-schema.ts';
import { actionTypeReference, pastPlan, planSummarySchema } from './plan-schema.ts';
import { sagaSchema } from './saga-schema.ts';
import { digest, instant, json, nameText, text, time, uuid } from './text-schema.ts';

export const proposalParams = z.strictObject({ proposalId: uuid });

export const statusSchema = z.enum(proposalStatuses);

/** Printable ASCII, as header values are. */
const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 printable ASCII characters')
  .exactOptional()
  .describe('The same key with the same request returns the same proposal; with another it is refused.');

export const idempotencyHeaders = z.object({ idempotencyKey });

export const newProposalBody = component(
  'NewProposal',
  z.strictObject({
    actionType: text(100).describe('A name, or `name@version`.'),
    parameters: z.record(z.string(), json).describe('See the action type for their JSON Schema.'),
    justification: text(4_000).describe('Why; shown to reviewers.'),
    executeAfter: instant.exactOptional().describe('Once approved it is held until then.'),
  }),
);

export const revertBody = component(
  'NewRevert',
  z.strictObject({
    justification: text(4_000).exactOptional(),
    conflicts: z
      .enum(['refuse', 'skip'])
      .exactOptional()
      .describe(
        'What stands in the way, such as what others changed since, makes the revert `invalid` (by default), or is left as it is, with what depends on it.',
      ),
  }),
);

export const withdrawalBody = component('Withdrawal', z.strictObject({ reason: text(4_000).exactOptional() }));

const anchor = z
  .union([
    z.strictObject({ type: nameText, id: nameText, property: nameText.exactOptional() }),
    z.strictObject({ link: nameText, from: nameText, to: nameText }),
  ])
  .describe('An object that the plan edits, a property of it, or a link.');

const comment = z.strictObject({ text: text(4_000), on: anchor.exactOptional().describe('The edit it speaks of; without one, the plan.') });

export const revisionBody = component(
  'NewRevision',
  z.strictObject({
    parameters: z.record(z.string(), json).describe('All of them, not only what changes.'),
    justification: text(4_000).exactOptional().describe('The earlier one stays where this is left out.'),
  }),
);

export const reviewBody = component(
  'NewReview',
  z.strictObject({
    decision: z.enum(['approve', 'reject', 'request_changes']),
    reason: text(4_000).exactOptional(),
    onBehalfOf: text(256)
      .exactOptional()
      .describe('Whose review this is, where a delegation lets the caller give it; it takes the place of reviews of both.'),
    comments: z.array(comment).max(50).exactOptional(),
  }),
);

const principal = z.strictObject({ id: z.string(), kind: z.enum(['user', 'agent', 'service']) });

const reviewFields = {
  id: uuid,
  reviewer: principal,
  onBehalfOf: z.string().nullable().describe('Whose review it is, where a delegate gave it.'),
  decision: z.enum(['approve', 'reject', 'request_changes']),
  reason: z.string().nullable(),
  comments: json.describe('As given, a list of `{text, on}`; null without any.'),
  revision: z.int(),
  digest,
  stage: z.string().nullable(),
  counts: z.boolean().describe('False once another plan, another revision or a newer review of the same person took its place.'),
  createdAt: time,
};

export const reviewSchema = component('Review', z.strictObject(reviewFields));

/** The review, and what became of the proposal in the same transaction. */
export const recordedReviewSchema = component(
  'RecordedReview',
  z.strictObject({
    ...reviewFields,
    proposal: z.strictObject({
      id: uuid,
      status: statusSchema,
      revision: z.int(),
      planDigest: digest.nullable(),
      missing: z.string().describe('Which approvals are missing, in words.'),
    }),
  }),
);

const permission = z.strictObject({ allowed: z.boolean(), reason: z.string().exactOptional(), explanation: z.string().exactOptional() });

const stage = z.strictObject({
  name: z.string(),
  status: z.enum(['open', 'waiting', 'approved', 'rejected']),
  require: z.enum(['all', 'any']).describe('Whether every threshold must be met or any one.'),
  thresholds: z.array(z.strictObject({ name: z.string(), needed: z.int(), given: z.int(), denied: z.int() })),
  teams: z
    .strictObject({ needed: z.int(), given: z.int() })
    .exactOptional()
    .describe('From how many different teams people must come, and do.'),
});

const reverted = z.enum(['none', 'partial', 'full']);

const failure = z.looseObject({ code: z.string(), title: z.string() }).describe('Why the proposal is invalid or failed.');

export const proposalSchema = component(
  'Proposal',
  z.strictObject({
    id: uuid,
    status: statusSchema,
    actionType: actionTypeReference,
    parameters: json.describe('Null in lists where they are long.'),
    parametersOmitted: z.literal(true).exactOptional(),
    justification: z.string(),
    proposer: z.strictObject({ ...principal.shape, actsFor: z.string().nullable() }),
    revision: z.int(),
    planDigest: digest.nullable(),
    planSummary: planSummarySchema.nullable(),
    planHistory: z
      .array(pastPlan)
      .describe(
        'The plans it had, oldest first, of many the newest. Approvals count for one digest, so each but the first made those of the one before void.',
      ),
    approval: z
      .strictObject({
        policy: z.string(),
        automatic: z.boolean(),
        stages: z.array(stage),
        missing: z.string(),
        escalated: z
          .literal(true)
          .exactOptional()
          .describe('Nobody answered for so long that those whom the policy adds may review as well.'),
        expiresAt: time,
      })
      .nullable(),
    reviews: z.array(reviewSchema),
    execution: z
      .strictObject({
        id: uuid,
        executedAt: time,
        edits: z.int(),
        revertibleUntil: time
          .nullable()
          .describe('Until then it may be reverted, as the document in force says; null where that sets no bound.'),
        failedEffects: z.array(z.string()).describe('Optional effects that were refused: the execution went on without them.'),
        unknownEffects: z.array(z.string()).describe('Optional effects of which nobody knows whether they happened: an answer was lost.'),
      })
      .nullable(),
    effects: sagaSchema.nullable(),
    executeAfter: time.nullable(),
    held: z
      .strictObject({ by: z.string(), until: time })
      .nullable()
      .describe('What holds it, where it is `scheduled` for a time: `executeAfter`, or `window/<name>`.'),
    emergency: emergencySchema,
    revertOf: z.string().nullable().describe('The execution this proposal takes back.'),
    reverted: reverted.describe('How much of what it did does not stand any more. What a revert of its revert did again stands.'),
    revertedBy: z.string().nullable().describe('The newest revert by which something of it does not stand.'),
    reverts: z
      .array(
        z.strictObject({
          proposalId: z.string(),
          executedAt: time,
          partial: z
            .boolean()
            .describe('That it left something of what stood when it was executed: what others had changed, or an effect that lasts.'),
          reverted: reverted.describe('What became of this revert since.'),
        }),
      )
      .describe('Its executed reverts, oldest first; of many the newest.'),
    failure: failure.nullable(),
    actions: z
      .strictObject({
        review: permission,
        withdraw: permission,
        revise: permission,
        revert: permission,
        resolve: permission,
        cancel: permission,
        breakGlass: permission,
        reviewEmergency: permission,
      })
      .describe(
        'What the caller may do with it now. In lists what the gate says, without the policies: these are asked where a proposal is read by itself.',
      ),
    statusTimestamps: z.partialRecord(statusSchema, time),
    workflow: z.strictObject({ id: z.string(), url: z.string().nullable() }),
    createdAt: time,
    updatedAt: time,
  }),
  'One request to perform an action, as the caller sees it.',
);

export const proposalPageSchema = component('ProposalPage', z.strictObject({ proposals: z.array(proposalSchema), nextPageToken }));

export const timelineSchema = component(
  'Timeline',
  z.strictObject({
    timeline: z.array(
      z.strictObject({
        at: time,
        type: z.string().describe('An event type.'),
        facts: z.record(z.string(), json),
        personal: z
          .record(z.string(), json)
          .describe('Who and why, as far as it has not been erased. A value that somebody made into no JSON is `{"$altered": true}`.'),
      }),
    ),
  }),
  'What happened to a proposal, oldest first.',
);

export const proposalFilter = {
  status: statusSchema.exactOptional(),
  actionType: nameText.exactOptional(),
  proposer: nameText.exactOptional(),
  needsReview: z
    .enum(['true', 'false'])
    .transform((word) => word === 'true')
    .exactOptional()
    .meta({ description: 'Whether it was executed in an emergency that nobody has reviewed yet.', type: 'boolean' }),
};
