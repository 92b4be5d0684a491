import { z } from 'zod';
import { component } from './components.ts';
import { statusSchema } from './proposal-schema.ts';

/** Of changes of what governs a tenant. */
export const loosens = z
  .array(z.strictObject({ pointer: z.string(), message: z.string() }))
  .describe('What lets more happen, or asks less of somebody. Where there is any, another person has to approve.');

export const settingProposal = component(
  'SettingProposal',
  z
    .strictObject({
      id: z.uuid(),
      status: statusSchema,
      planDigest: z.string().nullable().describe('What whoever approves names in `If-Match`.'),
    })
    .nullable(),
  'The proposal that puts it in force; null where none is needed.',
);
