import { z } from 'zod';
import { component } from './components.ts';
import { secretSchema } from './endpoint-schema.ts';
import { loosens, settingProposal } from './setting-schema.ts';
import { instant, nameText, text, time } from './text-schema.ts';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'must be up to 100 letters, digits, dots, hyphens and underscores');
const sequence = z.string().regex(/^\d{16}\.\d{8}$/, 'must be the `sequence` of an event');
const pattern = text(200).regex(/^[^*]*\*?$/, 'may have one star, at its end');

export const subscriptionParams = z.strictObject({ name });
export const deadLetterParams = z.strictObject({ name, sequence });
export const deadLettersQuery = z.strictObject({ after: sequence.exactOptional().describe('Those behind this one.') });

const url = z
  .url({ protocol: /^https?$/ })
  .max(2_000)
  .refine((one) => !/[@?#]/.test(one.replace(/^https?:\/\//, '')), 'must have no user, no password, no query and no fragment')
  .describe('Whoever may read plans sees it, so it holds no secret.');

const patterns = (what: string) => z.array(pattern).min(1).max(100).exactOptional().describe(what);

const filter = z
  .strictObject({
    types: patterns('Types, or their beginnings with a star: `proposal.*`.'),
    subjects: patterns('Subjects, or their beginnings with a star: `object/room/*`.'),
    objectTypes: z.array(nameText).min(1).max(100).exactOptional().describe('Events of objects alone, of these types.'),
    condition: text(2_000)
      .exactOptional()
      .describe('CEL over `event`. An event of which it cannot be computed is not wanted; ask `has(...)` first.'),
  })
  .describe('An event is delivered that all parts admit; without parts, every one.');

export const subscriptionBody = component(
  'NewSubscription',
  z.strictObject({
    url,
    filter: filter.default({}),
    description: text(1_000).exactOptional(),
    enabled: z.boolean().default(true),
    from: z
      .union([z.enum(['now', 'beginning']), instant, sequence])
      .default('now')
      .describe('Where a new one begins: with this event, or with what was written since. One that is there goes on where it is.'),
  }),
  'What a subscription is to be, whole.',
);

export const replayBody = component(
  'Replay',
  z.strictObject({
    from: z.union([z.enum(['now', 'beginning']), instant, sequence]).describe('With this event, or what was written since.'),
  }),
);

export const subscriptionSecretBody = component(
  'NewSubscriptionSecret',
  z.strictObject({
    value: text(200).exactOptional().describe('`whsec_` and base64; made here where it is left out.'),
    overlap: z
      .string()
      .regex(
        /^P(?=.*[1-9])(\d{1,2}D)?(T(?=.)(\d{1,4}H)?(\d{1,5}M)?(\d{1,7}S)?)?$/,
        'must be an ISO 8601 duration in days, hours, minutes and seconds',
      )
      .exactOptional()
      .describe('How long the one before signs beside it; it retires at once where this is left out.'),
  }),
);

const error = z.strictObject({ code: z.string(), message: z.string(), at: time });

export const subscriptionSchema = component(
  'Subscription',
  z.strictObject({
    name: z.string(),
    url: z.string(),
    filter,
    description: z.string().nullable(),
    enabled: z.boolean(),
    disabled: z
      .strictObject({ reason: z.enum(['gone', 'failing', 'filter']), at: time })
      .nullable()
      .describe(
        'Why it was given up: the endpoint answered 410, nothing could be delivered for days, or its filter cannot be used any more. To set it again lets it go on.',
      ),
    position: z.strictObject({
      next: z.string().describe('Delivered next is this, or the first that is wanted behind it.'),
      earliest: z.string().describe('As far back as a replay may begin.'),
      entriesBehind: z.number().describe('Entries of the log that were not looked at yet.'),
      behindSince: time.nullable(),
    }),
    failing: z
      .strictObject({ since: time, attempts: z.int().describe('At the next event.'), nextAttemptAt: time.nullable(), error })
      .nullable(),
    deliveredAt: time.nullable(),
    deadLetters: z.number(),
    secrets: z.array(z.strictObject({ id: z.string(), createdBy: z.string(), createdAt: time, retiresAt: time.nullable() })),
    createdBy: z.string(),
    createdAt: time,
    changedBy: z.string(),
    changedAt: time,
  }),
  'Events to an endpoint, and how that goes.',
);

export const subscriptionsSchema = component('Subscriptions', z.strictObject({ subscriptions: z.array(subscriptionSchema) }));

export const subscriptionOutcomeSchema = component(
  'SubscriptionOutcome',
  z.strictObject({
    subscription: subscriptionSchema.nullable().describe('As it is now; null until the proposal is executed that makes it.'),
    secret: z.string().nullable().describe('What signs, where it was made now: shown once, and never again.'),
    loosens,
    proposal: settingProposal,
  }),
);

export const subscriptionSecretSchema = secretSchema;

export const deadLettersSchema = component(
  'DeadLetters',
  z.strictObject({
    deadLetters: z.array(
      z.strictObject({
        sequence: z.string(),
        eventId: z.string(),
        type: z.string(),
        subject: z.string(),
        attempts: z.int(),
        error,
      }),
    ),
    truncated: z.boolean().describe('There are more than are shown; ask for those after the last.'),
  }),
  'What was not delivered, in the order of events.',
);

export const attemptSchema = component(
  'WebhookAttempt',
  z.strictObject({
    id: z.uuid(),
    outcome: z
      .strictObject({
        delivered: z.boolean(),
        status: z.int().nullable().describe('Of the answer, where there was one.'),
        error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
        durationMs: z.number(),
      })
      .nullable()
      .describe('Null while no relay has done it.'),
  }),
  'One attempt that somebody asked for.',
);
