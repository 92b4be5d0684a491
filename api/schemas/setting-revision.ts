import { z } from 'zod';
import type { JsonObject } from '../../ontology/json.ts';
import { readShape } from '../../ontology/read-shape.ts';
import type { Setting } from '../../ontology/setting-actions.ts';
import type { ParseSetting } from '../../store/revise-setting.ts';
import { delegationBody } from './delegation-schema.ts';
import { ontologyBody } from './ontology-schema.ts';
import { policiesBody } from './policy-schema.ts';
import { principalBody } from './principal-schema.ts';
import { subscriptionBody } from './subscription-schema.ts';
import { text } from './text-schema.ts';

/** What a revision of a change of what governs says: what is sent to change it, without what names it. */
const revisions: Record<Setting, z.ZodType> = {
  ontology: z.strictObject({ document: ontologyBody }),
  policies: z.union([policiesBody, z.strictObject({ version: z.int().min(0) })]),
  switches: z.strictObject({ reason: text(4_000) }),
  delegations: delegationBody.omit({ delegator: true }),
  subscriptions: subscriptionBody,
  principals: principalBody,
};

export const parseSetting: ParseSetting = (setting, parameters) => {
  const outcome = readShape(revisions[setting], parameters, 'invalid_parameters');
  if ('value' in outcome) return { value: outcome.value as JsonObject };
  return {
    faults: outcome.faults.map(({ pointer = '', ...fault }) => ({
      ...fault,
      code: 'invalid_parameters',
      pointer: `/parameters${pointer}`,
    })),
  };
};
