import type { Actor, ReviewFact } from '../ontology/authority.ts';
import { answered } from '../ontology/policy-engine.ts';
import { countedReviews } from '../ontology/quorum.ts';
import type { ApprovalFacts } from './approval-facts.ts';
import type { Determination } from './ask-policies.ts';
import { reviewAsker } from './may-review.ts';
import type { LockedProposal } from './proposal-row.ts';
import type { Tx } from './sql.ts';
import { readActors } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

/** An approval that the policies in force would not take from whoever gave it. */
export interface ForbiddenApproval {
  reviewId: string;
  /** Who gave it. */
  actor: string;
  onBehalfOf: string | null;
  by: Determination;
}

/**
 * Asks the policies in force of each approval that counts whether they would take it: of the standing that people have now, as of the instant at which each was given, so that a policy about
 * the time of day keeps to what it meant. MUST be asked with the tenant's control row locked. The built-in policies say what the gate says. @throws PolicyEngineAway
 */
export async function askApprovalsAgain(
  tx: Tx,
  proposal: LockedProposal,
  { facts, version }: { facts: ApprovalFacts; version: number },
  deps: Pick<StoreDeps, 'ontologies' | 'policies'>,
): Promise<{ facts: ApprovalFacts; forbidden: ForbiddenApproval[] }> {
  const approvals = version === 0 ? [] : countedReviews(facts.reviews, proposal.behind).filter(({ decision }) => decision === 'approve');
  const people = await readPeople(tx, approvals);
  const forbidden: ForbiddenApproval[] = [];
  for (const approval of approvals) {
    const [giver, whose] = [people.get(approval.delegate?.id ?? approval.reviewerId), people.get(approval.reviewerId)];
    if (giver === undefined || whose === undefined) throw new Error('an approval counts of somebody whom the directory does not know');
    const ask = reviewAsker(tx, deps, { proposal, now: approval.at, version, held: true });
    const { roles, allRoles } = approval;
    const by = answered(await ask(giver, approval.delegate ? { ...whose, roles, ...(allRoles ? { allRoles } : {}) } : undefined));
    if (!by.allowed) forbidden.push({ reviewId: approval.id, actor: giver.id, onBehalfOf: approval.delegate ? whose.id : null, by });
  }
  const reviews = facts.reviews.filter(({ id }) => !forbidden.some(({ reviewId }) => reviewId === id));
  return { facts: { ...facts, reviews }, forbidden };
}

async function readPeople(tx: Tx, approvals: readonly Pick<ReviewFact, 'reviewerId' | 'delegate'>[]): Promise<Map<string, Actor>> {
  if (approvals.length === 0) return new Map();
  return readActors(tx, [...new Set(approvals.flatMap(({ reviewerId, delegate }) => [reviewerId, ...(delegate ? [delegate.id] : [])]))]);
}
