import type { Actor, AuthorityRequest } from '../ontology/authority.ts';
import type { settings } from '../ontology/policy-engine.ts';
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
