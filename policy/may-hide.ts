import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Policies } from '../ontology/policy-engine.ts';
import { concerns } from './actions-of.ts';
import { freshCedar, lookInto } from './cedar-module.ts';
import { policyMayFail } from './effects-of.ts';

/**
 * Which policies of a set may hide something that another one shows: each new prohibition of seeing, whomever and whatever it is about, and each new
 * policy about seeing that may turn out not to be computed, which denies. Null stands for permits that are gone, unless one is there that lets everybody see everything.
 */
export const mayHide: Policies['mayHide'] = (before, after) => {
  const cedar = freshCedar();
  const former = new Set(Object.values(before));
  const kept = new Set(Object.values(after));
  const is = (text: string, look: (policy: PolicyJson) => boolean, otherwise: boolean) => lookInto(cedar, text, look, otherwise);
  const hiding = Object.entries(after).flatMap(([id, text]) => (!former.has(text) && is(text, mayDenySeeing, true) ? [id] : []));
  const isGone = Object.values(before).some((text) => !kept.has(text) && is(text, permitsSeeing, true));
  return isGone && !Object.values(after).some((text) => is(text, showsEverything, false)) ? [...hiding, null] : hiding;
};

function mayDenySeeing(policy: PolicyJson): boolean {
  return (policy.effect === 'forbid' || policyMayFail(policy)) && concerns(policy.action, 'see');
}

function permitsSeeing({ effect, action }: PolicyJson): boolean {
  return effect === 'permit' && concerns(action, 'see');
}

function showsEverything(policy: PolicyJson): boolean {
  const { principal, resource, conditions } = policy;
  return permitsSeeing(policy) && principal.op === 'All' && resource.op === 'All' && conditions.length === 0;
}
