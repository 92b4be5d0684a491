import { z } from 'zod';
import { component } from './components.ts';
import { concernedObjects } from './problem-schema.ts';
import { digest, time } from './text-schema.ts';

export const migrationParams = z.strictObject({ migrationId: z.uuid() });

export const cancellationBody = component('MigrationCancellation', z.strictObject({ reason: z.string().min(1).max(2_000) }));

const rule = {
  objectType: z.string(),
  actionType: z.string().describe('Generated; in force while the migration runs, for whoever uploaded the document alone.'),
  objects: z.int().describe('That did not fit when it began.'),
};

/** Of an upload's answer. */
export const migrationOutline = component(
  'MigrationOutline',
  z.strictObject({ rules: z.array(z.strictObject({ ...rule, batches: z.int().describe('As many proposals.') })) }),
);

export const migrationSchema = component(
  'Migration',
  z.strictObject({
    id: z.uuid(),
    state: z.enum(['running', 'done', 'failed', 'cancelled']).describe('When done, its document is in force; else the one before it.'),
    digest: digest.describe('Of the document that is to be in force.'),
    startedBy: z.string(),
    startedAt: time,
    endedBy: z.string().nullable().describe('Who cancelled it.'),
    endedAt: time.nullable(),
    reason: z.string().nullable().describe('Why it failed or was cancelled.'),
    faults: z
      .array(z.strictObject({ code: z.string(), pointer: z.string(), message: z.string(), ...concernedObjects }))
      .describe('What did not fit when it failed.'),
    rules: z.array(z.strictObject({ ...rule, migrated: z.int().describe('Objects in executed batches.') })),
    batches: z.int().describe('Proposed until now.'),
    proposalId: z.uuid().nullable().describe('The newest batch.'),
    workflowId: z.string().describe('In Temporal.'),
  }),
);

export const migrationsSchema = component('Migrations', z.strictObject({ migrations: z.array(migrationSchema).describe('Newest first.') }));
