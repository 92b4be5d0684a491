import { z } from 'zod';
import type { EventType } from './events.ts';
import { type ProposalStatus, proposalStatuses } from './lifecycle.ts';

const uuid = (example: string) => z.guid().meta({ examples: [example] });
const text = (example: string) => z.string().meta({ examples: [example] });
const count = (example = 1) => z.int().meta({ examples: [example] });
const time = z.iso.datetime().meta({ examples: ['2026-03-02T09:30:00.000Z'] });
const digest = text(`sha256:${'5e'.repeat(32)}`);

const proposalId = uuid('3f1c9a52-7d4e-4b8a-9c06-2e5d8f7a1b34').describe('The proposal it belongs to.');
const executionId = uuid('8d0b6e11-92c7-8f35-b1a4-6c3e5d7f9a02');
const scheduleId = uuid('c2e4f6a8-1b3d-4f5a-8c7e-9d0b2a4c6e81');
const actionType = text('closeRoom');
const planDigest = digest.describe('Of the plan that the proposal has.');
const about = { proposalId, actionType, revision: count() };
const status = (now: ProposalStatus) => ({ from: z.enum(proposalStatuses).describe('What it was before.'), status: z.literal(now) });

/** Open: fields are added, so whoever reads them ignores what it does not know. */
const data = z.looseObject;
const reached = <F extends z.ZodRawShape>(now: ProposalStatus, more?: F) => data({ ...about, ...status(now), planDigest, ...more });
/** It may be reached without a plan. */
const ended = <F extends z.ZodRawShape>(now: ProposalStatus, more?: F) => reached(now, { planDigest: planDigest.nullable(), ...more });
const failure = text('stale_plan').describe('A code of the catalogue of problems; what it says in words is read with the proposal.');
const replaced = {
  previousDigest: digest.optional().describe('Of the plan whose place this one took.'),
  voidedApprovals: count().optional().describe('Approvals of that plan, which count no more.'),
};

const ofObject = (set: z.ZodType) =>
  data({
    executionId,
    proposalId,
    type: text('room'),
    id: text('A1'),
    version: count(2).describe('The object’s, which rises with every change.'),
    set,
    unset: z.array(z.string()).describe('Properties that it has no more.'),
    masked: z.array(z.string()).describe('Properties that were set to what is not told, being sensitive.'),
    undo: z.boolean().describe('Whether an execution was taken back.'),
  });
const values = z.record(z.string(), z.unknown()).meta({ description: 'Properties that were set.', examples: [{ status: 'closed' }] });
const ofLink = data({
  executionId,
  proposalId,
  link: text('neighbours'),
  from: text('A1'),
  to: text('A2'),
  version: count(),
  undo: z.boolean(),
});
const prompt = {
  ...about,
  planDigest,
  number: count().describe('Which reminder of this plan it is.'),
  missing: text('1 of safety').describe('Which approvals are missing, in words.'),
  expiresAt: time,
  reviewers: z
    .array(z.string())
    .meta({ description: 'Who may review now, as far as the directory knows.', examples: [['safety-officer']] }),
  truncated: z.boolean().describe('Whether there are more.'),
};

/** What the data of each event are: fields that are required are always there. A change that old readers could not read MUST get a type of its own. */
export const eventData = {
  'proposal.created': data({ ...about, status: z.literal('simulating') }),
  'proposal.simulating': ended('simulating'),
  'proposal.raised': data({
    ...about,
    actionTypeVersion: count(2),
    ontologyVersion: count(4),
    previousVersion: count(1),
    previousDigest: digest.nullable(),
    voidedApprovals: count(1),
  }),
  'proposal.simulated': reached('awaiting_approval', {
    ...replaced,
    policyVersion: count(3).optional().describe('Of the policies that forbade to execute it, where that sent it back.'),
    policies: z.array(z.string()).optional().describe('Which did.'),
  }),
  'proposal.invalid': ended('invalid', { failure }),
  'proposal.changes_requested': reached('changes_requested'),
  'proposal.revised': data({
    ...about,
    ...status('simulating'),
    actionTypeVersion: count(),
    ontologyVersion: count(),
    parametersHash: text('9c'.repeat(32)),
  }),
  'proposal.approved': reached('approved', {
    approvedBy: text('people').describe('`people`, `policy` alone, or an `emergency`.'),
    policy: text('two-stage').describe('The approval policy.'),
  }),
  'proposal.scheduled': reached('scheduled', {
    heldBy: text('window/night').nullable().describe('`executeAfter`, `window/` and a name, or a switch.'),
    until: time.nullable().optional(),
  }),
  'proposal.executing': reached('executing'),
  'proposal.executed': reached('executed', {
    executionId,
    failedEffects: z.array(z.string()).optional().describe('Optional effects that were refused.'),
    unknownEffects: z.array(z.string()).optional().describe('Optional effects of which nobody knows whether they happened.'),
  }),
  'proposal.compensating': reached('compensating', {
    backTo: z.enum(['failed', 'simulating']).optional().describe('Where it goes once everything is undone.'),
    because: text('effect_refused').optional().describe('A code.'),
    choice: text('retry').optional().describe('What an operator decided.'),
    step: text('carrier').optional().describe('About which step.'),
  }),
  'proposal.needs_attention': reached('needs_attention', { step: text('carrier'), problem: text('its undo was refused') }),
  'proposal.rejected': reached('rejected'),
  'proposal.expired': ended('expired'),
  'proposal.withdrawn': ended('withdrawn'),
  'proposal.failed': ended('failed', {
    failure: failure.optional(),
    choice: text('abort').optional().describe('What an operator decided.'),
    step: text('carrier').optional().describe('About which step.'),
  }),
  'proposal.reminded': data(prompt),
  'proposal.escalated': data({ ...prompt, to: z.array(z.string()).describe('Roles that are told.') }),
  'proposal.glass_broken': data({
    ...about,
    planDigest,
    approvals: count(0).describe('How many there were.'),
    brokenBy: text('on-call-1'),
  }),
  'proposal.emergency_reviewed': data({
    ...about,
    planDigest,
    verdict: z.enum(['justified', 'unjustified']),
    late: z.boolean(),
  }),
  'proposal.emergency_unreviewed': data({ ...about, planDigest, dueAt: time, brokenBy: text('on-call-1') }),
  'proposal.cancelling': data({ ...about, planDigest }),
  message: data({ proposalId, actionType, data: z.unknown().describe('What the action’s author put in it.') }),
  'effect.ended': data({
    proposalId,
    actionType,
    planDigest,
    effect: text('carrier').describe('Its name in the action type.'),
    optional: z.boolean().optional().describe('Whether the execution goes on without it.'),
    ordinal: z.int().describe('Its place among the steps.'),
    run: count().describe('The execution may begin anew, under the next number.'),
    way: z.enum(['do', 'undo']),
    state: text('done').describe('`done`, `refused`, `unknown`, `undone`, `stuck` or `skipped`.'),
    attempts: count(),
    problem: text('effect_refused').optional().describe('A code.'),
  }),
  'review.recorded': data({
    proposalId,
    reviewId: uuid('a7d3e9f1-5b2c-4e8d-9a60-1f4c7b3e8d25'),
    decision: z.enum(['approve', 'reject', 'request_changes']),
    revision: count(),
    planDigest,
  }),
  'object.created': ofObject(values),
  'object.modified': ofObject(values),
  'object.deleted': ofObject(z.record(z.string(), z.unknown()).meta({ description: 'Nothing.', examples: [{}] })),
  'link.created': ofLink,
  'link.deleted': ofLink,
  'schedule.changed': data({ scheduleId, actionType, state: z.enum(['active', 'paused', 'deleted']) }),
  'schedule.run_refused': data({
    scheduleId,
    actionType,
    nominalAt: time,
    reason: text('forbidden').describe('A code of the catalogue of problems.'),
  }),
  'switch.changed': data({ scope: text('actionType'), name: text('closeRoom'), state: z.enum(['on', 'off']) }),
  'freeze_window.changed': data({ name: text('night'), change: z.enum(['set', 'removal_asked', 'removed']) }),
  'delegation.changed': data({ delegationId: text('holidays'), state: z.enum(['granted', 'revoked']) }),
  'principal.changed': data({
    principalId: text('duty-manager-1'),
    changed: z.array(z.string()).meta({ description: 'What was changed of it.', examples: [['roles']] }),
  }),
  'principal.erased': data({ principalId: text('gone-1') }),
  'event.hold_resolved': data({
    event: text('3f1c9a52-7d4e-4b8a-9c06-2e5d8f7a1b34').describe('Its id.'),
    eventType: text('switch.changed'),
    sink: text('kafka'),
    choice: z.enum(['retry', 'reference', 'skip']),
  }),
  'subscription.changed': data({
    name: text('billing'),
    change: z.enum(['set', 'removed', 'replayed', 'tested', 'redelivered', 'secret_set']),
  }),
  'subscription.disabled': data({ name: text('billing'), reason: text('gone').describe('A code.') }),
  'subscription.test': data({ name: text('billing').describe('The subscription’s.') }),
  'audit.checkpoint': data({
    size: count(4_711).describe('How many entries it covers.'),
    note: text('example.com/exequatur/…').describe('A signed note, as C2SP’s tlog-checkpoint has it.'),
  }),
  'endpoint.secret_changed': data({ endpoint: text('carrier'), secret: text('signing'), change: z.enum(['set', 'retired']) }),
  'policies.changed': data({ version: count(3), digest }),
  'ontology.changed': data({
    version: count(4),
    digest,
    actionTypes: z.record(z.string(), z.int()).meta({ description: 'The version of each.', examples: [{ closeRoom: 2 }] }),
  }),
  'ontology.migration_started': data({
    migrationId: proposalId,
    digest,
    baseVersion: count(4),
    rules: z.array(z.unknown()).describe('How objects are rewritten.'),
  }),
  'ontology.migration_ended': data({
    migrationId: proposalId,
    outcome: text('done').describe('`done`, or why the former document is in force.'),
    version: count(5),
    digest,
  }),
} satisfies Record<EventType, z.ZodType>;

export type JsonSchema = Record<string, unknown>;

/** JSON Schema 2020-12 of the data of a type: what `dataschema` names. */
export function eventDataSchema(type: EventType): JsonSchema {
  return z.toJSONSchema(eventData[type], { target: 'draft-2020-12', io: 'input' }) as JsonSchema;
}
