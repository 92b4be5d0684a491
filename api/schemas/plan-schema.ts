import { z } from 'zod';
import { component } from './components.ts';
import { nextPageToken } from './page-schema.ts';
import { digest, json } from './text-schema.ts';

const values = z.record(z.string(), json);

export const editSchema = component(
  'Edit',
  z.union([
    z.strictObject({ op: z.literal('create'), type: z.string(), id: z.string(), set: values }),
    z.strictObject({
      op: z.literal('modify'),
      type: z.string(),
      id: z.string(),
      set: values.optional(),
      unset: z.array(z.string()).optional(),
      before: values.describe('The touched properties that were present.'),
    }),
    z.strictObject({ op: z.literal('delete'), type: z.string(), id: z.string(), before: values }),
    z.strictObject({ op: z.enum(['link', 'unlink']), link: z.string(), from: z.string(), to: z.string() }),
  ]),
  'One change to one object or link.',
);

export const planSummarySchema = component(
  'PlanSummary',
  z.strictObject({
    edits: z.strictObject({ create: z.int(), modify: z.int(), delete: z.int(), link: z.int(), unlink: z.int() }),
    objectTypes: z.record(z.string(), z.int()).describe('Edits by object type.'),
    effects: z.int(),
    riskTier: z.enum(['low', 'medium', 'high']),
    revertible: z.boolean(),
    verdicts: z.array(z.strictObject({ pointer: z.string(), outcome: z.enum(['passed', 'failed']), message: z.string() })),
    prefilled: values.describe('Values of parameters that were not given and that the definition fills in.').optional(),
    objectSets: z
      .record(z.string(), z.strictObject({ count: z.int(), ids: z.array(z.string()) }))
      .describe('How many members each object-set parameter has, and the first hundred of them.')
      .optional(),
  }),
  'What a plan does, in numbers.',
);

export const requirementSchema = component(
  'ApprovalRequirement',
  z.strictObject({
    policy: z.string(),
    automatic: z.boolean().describe('Policy alone approves; then there are no stages.'),
    stages: z.array(
      z.strictObject({
        name: z.string(),
        thresholds: z.array(
          z.strictObject({
            name: z.string(),
            needed: z.int(),
            toleratedDenials: z.int(),
            reviewers: z.string().describe('CEL over `reviewer`.'),
          }),
        ),
      }),
    ),
    distinctReviewers: z.boolean(),
    expiresAfter: z.string().describe('ISO 8601 duration.'),
  }),
  'Who must approve a plan, as it was resolved when the plan was made.',
);

export const actionTypeReference = z.strictObject({ name: z.string(), version: z.int() });

export const planPageSchema = component(
  'PlanPage',
  z.strictObject({
    proposalId: z.string(),
    digest,
    revision: z.int(),
    actionType: actionTypeReference,
    revertOf: z.string().nullable(),
    summary: planSummarySchema,
    requirement: requirementSchema,
    bytes: z.int().describe('Of the canonical plan, over which the digest is.'),
    totalEdits: z.int(),
    edits: z.array(editSchema),
    nextPageToken,
  }),
  'A page of a plan, in the plan\u2019s order.',
);

export const dryRunSchema = component(
  'DryRun',
  z.strictObject({
    actionType: actionTypeReference,
    planDigest: digest,
    planSummary: planSummarySchema,
    requirement: requirementSchema,
    totalEdits: z.int(),
    edits: z.array(editSchema),
    truncated: z.boolean().describe('There are more edits than are shown.'),
  }),
  'The plan an action would have now. Nothing was stored.',
);
