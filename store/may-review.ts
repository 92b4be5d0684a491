import type { Actor, Authority } from '../ontology/authority.ts';
import type { PolicyContext } from '../ontology/policy-engine.ts';
import type { ApprovalFacts } from './approval-facts.ts';
import { askPolicies, bothOf, type Determination } from './ask-policies.ts';
import type { Standing } from './delegations.ts';
import { heldContextOf, policyContextOf, policyQuestion, withFacts } from './policy-facts.ts';
import type { LockedProposal, ProposalRow } from './proposal-row.ts';
import { proposalFacts } from './proposal-view.ts';
import type { NewReview } from './record-review.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/**
 * What the gate says of a review, and which of the delegations at hand it was given by: of several between the same two the first that suffices. `facts` and
 * `delegations` MUST have been read under the proposal's lock.
 */
export function mayReview(
  deps: Pick<StoreDeps, 'decide'>,
  review: NewReview,
  { proposal, actor, facts, delegations }: { proposal: LockedProposal; actor: Actor; facts: ApprovalFacts; delegations: Standing[] },
): { authority: Authority; standing?: Standing } {
  const ask = (standing?: Standing): Authority =>
    deps.decide({
      action: 'proposal:review',
      actor,
      proposal: proposalFacts(proposal),
      digest: review.digest,
      requirement: facts.plan?.requirement ?? null,
      reviews: facts.reviews,
      decision: review.decision,
      held: facts.held ?? false,
      ...(standing ? { onBehalfOf: standing.delegator } : {}),
    });
  if (review.onBehalfOf === undefined) return { authority: ask() };
  const standing = delegations.find((one) => ask(one).allowed) ?? delegations[0];
  return standing ? { authority: ask(standing), standing } : { authority: { allowed: false, reason: 'not_delegated' } };
}

/**
 * What policies say of an approval. One that is given on somebody's behalf they must allow to both: nobody hands over what they could not do themselves. Of a review that stops the plan
 * they are not asked: whoever writes them could else keep everybody from saying no.
 */
export async function askPoliciesOnReview(
  tx: Tx,
  deps: Pick<StoreDeps, 'ontologies' | 'policies'>,
  { decision }: Pick<NewReview, 'decision'>,
  { proposal, actor, standing, version }: { proposal: LockedProposal; actor: Actor; standing: Standing | undefined; version: number },
): Promise<Determination> {
  if (decision !== 'approve') return { allowed: true, version, policies: [], errors: [] };
  return reviewAsker(tx, deps, { proposal, now: proposal.now, version })(actor, standing?.delegator);
}

/** The same for many who might approve one proposal: what they are asked about is read once. `held` where it is executed in this transaction. */
export function reviewAsker(
  tx: Tx,
  deps: Pick<StoreDeps, 'ontologies' | 'policies'>,
  { proposal, now, version, held = false }: { proposal: ProposalRow; now: string; version: number; held?: boolean },
): (actor: Actor, delegator?: Actor) => Promise<Determination> {
  let facts: Promise<PolicyContext> | undefined;
  const ask = (who: Actor, more: Partial<PolicyContext>) =>
    askPolicies(tx, deps, {
      actor: who,
      ...policyQuestion('review', proposal.actionType),
      version,
      context: async ({ goesBy }) => {
        facts ??= (held ? heldContextOf : policyContextOf)(tx, proposal, { now, goesBy }, deps);
        return withFacts(proposal, await facts, { decision: 'approve', ...more });
      },
    });
  return async (actor, delegator) => {
    if (delegator === undefined) return ask(actor, {});
    const { id, roles, teams, allRoles = roles } = delegator;
    let by = await ask(actor, { onBehalfOf: { id, roles, teams } });
    // By the roles that are delegated, and by all of them: what another role forbids is not handed over.
    for (const these of allRoles.length > roles.length ? [roles, allRoles] : [roles])
      if (by.allowed) by = bothOf(by, await ask({ ...delegator, roles: these }, {}));
    return by;
  };
}
