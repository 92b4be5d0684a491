import type { Actor, AuthorityRequest } from '../ontology/authority.ts';
import type { Fault } from '../ontology/plan.ts';
import type { settings } from '../ontology/policy-engine.ts';
import type { Setting } from '../ontology/setting-actions.ts';
import { forbiddenByPolicy } from './ask-policies.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/**
 * Null where the gate admits the actor and the policies in force let them change this setting. Without a setting policies are not asked: to stop or hold something is not
 * theirs to forbid, since whoever writes them, or an engine that fails, could else keep everybody from it.
 */
export async function refusalToAdminister(
  tx: Tx,
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
  request: AuthorityRequest & { actor: Actor },
  setting: (typeof settings)[number] | null,
): Promise<Refusal | null> {
  const authority = deps.decide(request);
  if (!authority.allowed) return refuse(authority.reason);
  return setting === null ? null : forbiddenByPolicy(tx, deps, { actor: request.actor, action: 'administer', resource: setting });
}

/** What the gate is asked of whoever changes a setting by a proposal. */
export function questionOf(setting: Setting, actor: Actor): AuthorityRequest {
  switch (setting) {
    case 'ontology':
    case 'subscriptions':
      return { action: 'ontology:put', actor };
    case 'policies':
      return { action: 'policies:put', actor };
    case 'switches':
      return { action: 'switch:put', actor, off: false };
    case 'delegations':
      return { action: 'delegation:put', actor, delegator: actor };
    case 'principals':
      return { action: 'principal:put', actor, subject: nobody }; // Whom it is about is asked where that is known.
  }
}

const nobody = { id: '', person: '' };

/** Whoever proposed a change and might no longer: the first of two people counts as little as a second who might not. */
export const notAllowed: Fault = { code: 'proposer_not_allowed', message: 'whoever proposed this may no longer change it' };
