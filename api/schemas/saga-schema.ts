import { z } from 'zod';
import { component } from './components.ts';
import { json, text, time } from './text-schema.ts';

export const cancellationBody = component('Cancellation', z.strictObject({ reason: text(4_000).describe('Kept in the audit log.') }));

export const resolutionBody = component(
  'Resolution',
  z.strictObject({ choice: z.enum(['retry', 'skip', 'abort']), reason: text(4_000).describe('Kept in the audit log.') }),
);

const undoConflict = z.union([
  z.strictObject({
    type: z.string(),
    id: z.string().describe('Of a link both of its ends.'),
    property: z.string().describe('`$` where it is the object or the link itself.'),
    because: z.enum(['changed', 'not_unique', 'unknown_reference', 'still_referenced', 'defined_otherwise']).exactOptional(),
    by: z
      .strictObject({ type: z.string(), id: z.string(), property: z.string().exactOptional(), through: z.string().exactOptional() })
      .exactOptional()
      .describe('Who has the unique value, what is gone, or what refers to it. Left out where it would tell a sensitive value.'),
  }),
  z.strictObject({ code: z.string().describe('Why the database takes none of the edits back.') }),
]);

export const sagaSchema = component(
  'EffectsProgress',
  z.strictObject({
    run: z.int().describe('A plan that went stale after its write-backs were undone is executed again, under the next number.'),
    direction: z.enum(['forward', 'back']),
    edits: z.enum(['waiting', 'applied', 'undone', 'stuck', 'skipped']),
    steps: z.array(
      z.strictObject({
        name: z.string(),
        phase: z.enum(['writeBack', 'sideEffect', 'check']),
        optional: z.boolean(),
        state: z.enum(['waiting', 'sending', 'done', 'refused', 'unknown', 'undoing', 'undone', 'stuck', 'skipped']),
        attempts: z.int(),
        undoAttempts: z.int(),
        dueAt: time.nullable().describe('When a check is asked next.'),
        bakesUntil: time
          .nullable()
          .describe('Until when a check with a bake time is asked again and again; null before it is first asked.'),
        problem: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
      }),
    ),
    cancelled: z.strictObject({ by: z.string(), reason: z.string() }).nullable(),
    attention: z
      .strictObject({
        id: z.string().describe('What whoever decides names in `If-Match`. Another asking has another, also about the same step.'),
        step: z.string(),
        choices: z.array(z.enum(['retry', 'skip', 'abort'])),
        conflicts: z
          .array(undoConflict)
          .nullable()
          .describe('Of edits what stands in the way of putting them back, object by object, and what depends on that; of many the first.'),
        conflictCount: z.int(),
      })
      .nullable()
      .describe('What an operator is asked to decide.'),
    left: z
      .strictObject({ conflicts: z.array(undoConflict), conflictCount: z.int() })
      .nullable()
      .describe('What of the edits was not put back, as an operator said; of much the first.'),
  }),
  'How far the effects of an execution are.',
);

const request = z.union([
  z.strictObject({
    kind: z.literal('webhook'),
    endpoint: z.string(),
    method: z.string(),
    url: z.string(),
    body: json.optional(),
    timeoutMs: z.int(),
  }),
  z.strictObject({ kind: z.literal('message'), type: z.string(), data: json }),
  z.strictObject({ kind: z.literal('function'), name: z.string(), version: z.int(), input: json }),
]);
const probe = z.strictObject({ request, done: z.string().describe('CEL over `answer`.') });
const handling = { request, lostAnswer: z.enum(['key', 'probe', 'none']), probe: probe.exactOptional() };

export const effectSchema = component(
  'PlannedEffect',
  z.strictObject({
    ...handling,
    name: z.string(),
    phase: z.enum(['writeBack', 'sideEffect']),
    optional: z.literal(true).exactOptional(),
    attempts: z.int(),
    slots: z.record(z.string(), json).describe('What later requests take from the answer.').exactOptional(),
    fills: z.array(z.string()).describe('Which of the slots the edits take.').exactOptional(),
    compensation: z.strictObject(handling).describe('What takes it back.').exactOptional(),
    redo: json.describe('Of a revert: the effect that this takes back, as it was planned.').exactOptional(),
    sensitive: z.array(z.string()).describe('Sensitive values that it may hold.').exactOptional(),
  }),
  'A request as it will be sent, but for signatures and secret headers.',
);

export const checkSchema = component(
  'PlannedCheck',
  z.strictObject({
    name: z.string(),
    afterMs: z.int(),
    bakeMs: z.int().describe('How long it is asked again and again.').exactOptional(),
    everyMs: z.int().describe('How long between two askings.').exactOptional(),
    probe: probe.exactOptional(),
    holds: z.string().describe('CEL over the parameters, whose objects are read as they are then.').exactOptional(),
    action: z.int().describe('Of a change set: over the parameters of which of its actions.').exactOptional(),
    sensitive: z.array(z.string()).exactOptional(),
  }),
);
