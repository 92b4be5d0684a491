import type { Policies } from '../ontology/policy-engine.ts';

/** A name may be written with escapes where it stands in a text, as in `context.plan["touches"]`; such a policy is not looked into any further. */
const escaped = /\\[ux]/;

/** Whether Cedar policies may go by this part of a plan. In Cedar an attribute is reached by its name alone. */
export const mayGoBy: Policies['mayGoBy'] = (policies, part) =>
  Object.values(policies).some((text) => text.includes(part) || escaped.test(text));
