import { z } from 'zod';
import { verdicts } from '../../store/glass-facts.ts';
import { component } from './components.ts';
import { text, time } from './text-schema.ts';

export const emergencyBody = component(
  'Emergency',
  z.strictObject({
    planDigest: text(200).describe('The plan that was looked at.'),
    reason: text(4_000).describe('Why it cannot wait; shown to whoever reviews it afterwards.'),
  }),
);

export const emergencyReviewBody = component('EmergencyReview', z.strictObject({ verdict: z.enum(verdicts), comment: text(4_000) }));

/** The glass that was broken for a plan. */
export const emergencySchema = z
  .strictObject({
    brokenBy: z.string(),
    reason: z.string(),
    at: time,
    counts: z.boolean().describe('False once the plan was another in between, or as approvals lapse.'),
    dueAt: time.nullable().describe('When the review afterwards is due; null before the execution has begun.'),
    overdueAt: time.nullable().describe('When it was told that the review is missing.'),
    review: z.strictObject({ reviewer: z.string(), verdict: z.enum(verdicts), comment: z.string().nullable(), at: time }).nullable(),
  })
  .nullable()
  .describe('The glass that was broken for this plan, and the review that is owed once it has been executed.');
