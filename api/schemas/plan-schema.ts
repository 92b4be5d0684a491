import { z } from 'zod';
import { component } from './components.ts';
import { nextPageToken } from './page-schema.ts';
import { checkSchema, effectSchema } from './saga-schema.ts';
import { digest, json, time } from './text-schema.ts';

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

const choice = {
  prefilled: values.describe('Values of parameters that were not given and that the definition fills in.').optional(),
  objectSets: z
    .record(z.string(), z.strictObject({ count: z.int(), ids: z.array(z.string()) }))
    .describe('How many members each object-set parameter has, and the first hundred of them.')
    .optional(),
};

export const planSummarySchema = component(
  'PlanSummary',
  z.strictObject({
    edits: z.strictObject({ create: z.int(), modify: z.int(), delete: z.int(), link: z.int(), unlink: z.int() }),
    objectTypes: z.record(z.string(), z.int()).describe('Edits by object type.'),
    effects: z.int(),
    checks: z.int().exactOptional(),
    riskTier: z.enum(['low', 'medium', 'high']),
    revertible: z.boolean(),
    irreversibleFrom: z
      .string()
      .exactOptional()
      .describe(
        'The first required effect without a compensation: an execution that fails past it cannot undo it by itself, and asks a person.',
      ),
    skipped: z
      .strictObject({
        count: z.int(),
        objects: z.array(z.strictObject({ type: z.string(), id: z.string(), property: z.string().exactOptional() })),
      })
      .exactOptional()
      .describe(
        'Of a revert in part: what stands in the way, such as what others changed since, and is left as it is, with what depends on it; of many the first.',
      ),
    lasting: z
      .array(z.string())
      .exactOptional()
      .describe('Effects that nothing takes back: of a revert those that were done, otherwise the optional ones.'),
    verdicts: z.array(z.strictObject({ pointer: z.string(), outcome: z.enum(['passed', 'failed']), message: z.string() })),
    ...choice,
    sensitive: z.array(z.string()).exactOptional().describe('Sensitive properties that the plan touches, as `type.property`.'),
    actions: z
      .array(z.strictObject({ actionType: z.string(), edits: z.int(), ...choice }))
      .exactOptional()
      .describe('Of a change set: what each of its actions alone does, on what those before it leave.'),
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
        require: z.literal('any').exactOptional().describe('Any one threshold suffices.'),
        teams: z.int().exactOptional().describe('From how many different teams people must come.'),
        afterEscalation: z.string().exactOptional().describe('CEL over `reviewer`: who else may review once it has escalated.'),
      }),
    ),
    distinctReviewers: z.boolean(),
    expiresAfter: z.string().describe('ISO 8601 duration.'),
    approvalsLast: z.string().exactOptional().describe('ISO 8601 duration: how long an approval counts; without it as long as the plan.'),
    remind: z
      .strictObject({ after: z.string(), every: z.string().exactOptional() })
      .exactOptional()
      .describe('ISO 8601 durations since the plan awaits approval.'),
    escalate: z
      .strictObject({ after: z.string(), to: z.array(z.string()).exactOptional() })
      .exactOptional()
      .describe('An ISO 8601 duration since the plan awaits approval, and the roles that are told then.'),
    breakGlass: z
      .strictObject({
        roles: z.array(z.string()),
        approvals: z.int(),
        reviewWithin: z.string(),
        reviewers: z.string(),
        byProposer: z.boolean().exactOptional(),
        passesFreezeWindows: z.boolean().exactOptional(),
      })
      .exactOptional()
      .describe('Who may have it executed with how many approvals in an emergency, and who reviews that afterwards.'),
  }),
  'Who must approve a plan, as it was resolved when the plan was made.',
);

export const pastPlan = z.strictObject({ digest, revision: z.int(), simulatedAt: time });

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
    effects: z.array(effectSchema),
    checks: z.array(checkSchema),
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
    effects: z.array(effectSchema),
    checks: z.array(checkSchema),
    requirement: requirementSchema,
    totalEdits: z.int(),
    edits: z.array(editSchema),
    truncated: z.boolean().describe('There are more edits than are shown.'),
  }),
  'The plan an action would have now. Nothing was stored.',
);

const comparedPlan = z.strictObject({ ...pastPlan.shape, summary: planSummarySchema, totalEdits: z.int() });

const propertyChange = z.strictObject({ before: json.exactOptional(), after: json.exactOptional() }).nullable();

const editDifferenceSchema = component(
  'EditDifference',
  z.union([
    z.strictObject({ kind: z.enum(['added', 'removed']), edit: editSchema }),
    z.strictObject({
      kind: z.literal('changed'),
      from: editSchema,
      to: editSchema,
      properties: z
        .array(z.strictObject({ property: z.string(), from: propertyChange, to: propertyChange }))
        .describe('Those of which the plans make different things; null where a plan does not touch the property.'),
    }),
  ]),
  'One object or link of which two plans make different things.',
);

const outside = z.strictObject({ effects: z.array(effectSchema), checks: z.array(checkSchema) });

export const planDifferenceSchema = component(
  'PlanDifference',
  z.strictObject({
    proposalId: z.string(),
    actionType: z.string(),
    from: comparedPlan,
    to: comparedPlan,
    requirement: z
      .strictObject({ from: requirementSchema, to: requirementSchema })
      .nullable()
      .describe('Null where the same people must approve.'),
    outside: z
      .strictObject({ from: outside, to: outside })
      .nullable()
      .describe('Effects and checks of both plans; null where they are the same.'),
    header: z
      .array(z.strictObject({ field: z.string(), from: json, to: json }))
      .describe('What else differs beside the edits: the version of the action type, versions of functions, policies.'),
    counts: z
      .strictObject({ added: z.int(), removed: z.int(), changed: z.int(), same: z.int() })
      .describe('Of all edits, whatever the page.'),
    edits: z.array(editDifferenceSchema),
    nextPageToken,
  }),
  'How two plans of one proposal differ, edit by edit, in the order of plans.',
);
