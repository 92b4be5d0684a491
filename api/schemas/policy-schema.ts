import { z } from 'zod';
import { policyActions } from '../../ontology/policy-engine.ts';
import { component } from './components.ts';
import { uploadQuery } from './ontology-schema.ts';
import { loosens, settingProposal } from './setting-schema.ts';
import { digest, text, time } from './text-schema.ts';

const count = z.int().min(0);
const kind = z.enum(['user', 'agent', 'service']);
const names = z.array(text(200)).max(100);
const partOf = <S extends z.ZodRawShape>(shape: S) => z.strictObject(shape).partial();

const values = z
  .record(text(63), z.union([z.array(text(200)).max(100), z.array(z.boolean()).max(2), z.strictObject({ least: z.int(), most: z.int() })]))
  .describe('By property: its texts or truth values, or the bounds of its numbers.');

const plan = partOf({
  riskTier: z.enum(['low', 'medium', 'high']),
  edits: partOf({ create: count, modify: count, delete: count, link: count, unlink: count }),
  objectTypes: names,
  sensitive: names.describe('As `type.property`.'),
  amounts: z.record(text(63), count).describe('The sizes of numeric parameters.'),
  touches: z
    .record(text(63), partOf({ objects: count, ids: names, cut: z.boolean(), before: values, after: values }))
    .describe('The objects that it touches, by type.'),
  effects: partOf({
    count,
    irreversible: z.boolean(),
    kinds: z.array(z.enum(['webhook', 'message', 'function'])).max(3),
    endpoints: names,
    hosts: names,
  }).describe('What it does outside.'),
});

const policyCase = component(
  'PolicyCase',
  z.strictObject({
    name: text(200),
    principal: partOf({ id: text(256), kind, roles: names, teams: names, actsFor: text(256) }).describe(
      'A person without roles, where nothing else is said.',
    ),
    action: z.enum(policyActions),
    resource: text(200)
      .exactOptional()
      .describe('An action type’s name; with `administer`, the setting; with `see`, nothing where it is the tenant as a whole.'),
    context: partOf({
      now: time,
      revert: z.boolean(),
      plan,
      proposer: z.strictObject({ id: text(256), kind, actsFor: text(256).exactOptional() }),
      decision: z.enum(['approve', 'reject', 'request_changes']),
      onBehalfOf: z.strictObject({ id: text(256), roles: names, teams: names }),
      approvals: count,
    })
      .exactOptional()
      .describe('A plan that does nothing, where nothing else is said.'),
    expect: z.enum(['allow', 'deny']),
  }),
);

const policies = z.record(z.string(), z.string()).describe('Id to a policy in Cedar; see docs/policies.md for what it may name.');

export const policiesBody = component(
  'PolicyUpload',
  z.strictObject({ policies, cases: z.array(policyCase).max(500).describe('Questions with the answers that these policies must give.') }),
);

export const policiesQuery = uploadQuery;

const decision = z.enum(['allow', 'deny']);
const fate = z
  .enum(['allowed', 'another_stage', 'refused'])
  .describe('`another_stage`: more people than approved it have to, and then it is allowed.');

export const policiesOutcomeSchema = component(
  'PoliciesOutcome',
  z.strictObject({
    version: z.int().describe('Of these policies, or the one that they would get.'),
    digest,
    changed: z.boolean().describe('False when they are those in force already.'),
    dryRun: z.boolean(),
    loosens,
    proposal: settingProposal,
    rehearsal: z
      .strictObject({
        proposals: z.int().describe('How many of the newest proposals were looked at.'),
        differences: z.array(
          z.strictObject({
            proposalId: z.string(),
            actionType: z.string(),
            action: z.enum(['propose', 'review', 'execute']),
            principal: z.string(),
            from: decision,
            to: decision,
            policies: z.array(z.string()).describe('What determines it then; none where nothing permits it.'),
          }),
        ),
        fates: z
          .array(
            z.strictObject({
              proposalId: z.string(),
              actionType: z.string(),
              from: fate,
              to: fate,
              approvals: z.int().nullable().describe('How many it would take then; null where it is refused whatever people say.'),
              stages: z.array(z.string()).describe('Of what policy alone approved, those that would be asked then.'),
              policies: z.array(z.string()).describe('What keeps it from being as it was; none where nothing does, or nothing permits it.'),
            }),
          )
          .describe('Proposals that would as a whole come to something else.'),
        summary: z.string().describe('The same in words.'),
      })
      .nullable()
      .describe('What a dry run found; null otherwise.'),
  }),
);

const versionFields = {
  version: z.int().describe('0 are the built-in policies.'),
  digest,
  active: z.boolean(),
  createdBy: z.string().nullable(),
  createdAt: time.nullable(),
};

export const policyVersionsSchema = component(
  'PolicyVersions',
  z.strictObject({ versions: z.array(z.strictObject(versionFields)) }),
  'Newest first.',
);

export const policiesSchema = component('Policies', z.strictObject({ ...versionFields, policies, cases: z.array(policyCase) }));

export const policyParams = z.strictObject({
  version: z
    .string()
    .regex(/^(0|[1-9]\d{0,8})$/, 'must be the number of a version')
    .transform(Number)
    .meta({ type: 'integer', minimum: 0 }),
});
