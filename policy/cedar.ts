import type { Policies } from '../ontology/policy-engine.ts';
import { boundInTime } from './bound-in-time.ts';
import { CedarEngine } from './cedar-engine.ts';
import { checkPolicies } from './check-policies.ts';
import { defaultPolicies } from './default-policies.ts';
import { effectsOf } from './effects-of.ts';
import { gainsByLosing } from './gains-by-losing.ts';
import { mayGoBy } from './may-go-by.ts';
import { mayHide } from './may-hide.ts';
import { namesLost } from './names-lost.ts';
import { PatientEngine } from './patient-engine.ts';
import { softPolicies } from './soft-policies.ts';

/** Cedar as processes use it: one engine that decides, and another for what somebody sends. */
export const cedar: Policies = {
  engine: new CedarEngine(),
  withEngine: (work) => work(new PatientEngine(new CedarEngine())),
  check: checkPolicies,
  effectsOf,
  boundInTime,
  mayGoBy,
  mayHide,
  gainsByLosing,
  namesLost,
  softPolicies,
  defaults: defaultPolicies,
};
