import { z } from 'zod';
import { switchScopes } from '../../store/switches.ts';
import { component } from './components.ts';
import { settingProposal } from './setting-schema.ts';
import { text, time } from './text-schema.ts';

export const switchParams = z.strictObject({
  scope: z.enum(switchScopes),
  name: text(256).describe('`all` for the tenant and for all agents; else an action type’s name or a principal’s id.'),
});

export const switchBody = component('SwitchChange', z.strictObject({ state: z.enum(['on', 'off']), reason: text(4_000) }));

const fields = {
  scope: z.enum(switchScopes),
  name: z.string(),
  state: z.enum(['on', 'off']),
  reason: z.string(),
  changedBy: z.string(),
  changedAt: time,
};

const switchSchema = component('Switch', z.strictObject(fields));

export const switchOutcomeSchema = component('SwitchOutcome', z.strictObject({ ...fields, proposal: settingProposal }));

export const switchesSchema = component(
  'Switches',
  z.strictObject({ switches: z.array(switchSchema) }),
  'Every switch that was ever thrown.',
);
