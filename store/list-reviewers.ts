import type { Actor, ReviewFact } from '../ontology/authority.ts';
import { heldByPolicy, planFactsJson, reviewFactsJson } from './approval-facts.ts';
import { readDelegates } from './delegations.ts';
import { type PlanFacts, type ProposalRow, proposalJson } from './proposal-row.ts';
import { proposalFacts } from './proposal-view.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import { actorJson } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

export interface Reviewer {
  id: string;
  name: string | null;
  roles: string[];
  teams: string[];
  /** Whose review it would be, where this is a delegate; null: their own. */
  onBehalfOf: string | null;
}

/** Of one question, as many as a person would read; a tenant with more possible reviewers has chosen a wide condition. */
const maximumReviewers = 200;

/**
 * Who could review a waiting proposal now, by name, going by standing alone: each is put to the same gate that a review meets. Whoever's token claims less than the
 * directory remembers may still be refused.
 */
export async function listReviewers(
  tx: Tx,
  proposalId: string,
  deps: Pick<StoreDeps, 'decide'>,
): Promise<{ reviewers: Reviewer[]; truncated: boolean } | Refusal> {
  const [record] = await tx.rows<{ proposal: ProposalRow; plan: PlanFacts | null; reviews: ReviewFact[]; held: boolean }>(
    `SELECT ${proposalJson('p')} AS proposal, CASE WHEN l.id IS NOT NULL THEN ${planFactsJson('l')} END AS plan, ${reviewFactsJson('p')} AS reviews, ${heldByPolicy('p')} AS held
       FROM exequatur.proposal p LEFT JOIN exequatur.plan l ON l.tenant_id = p.tenant_id AND l.id = p.plan_id WHERE p.id = $1::uuid`,
    [proposalId],
  );
  if (record === undefined) return refuse('not_found');
  if (record.proposal.status !== 'awaiting_approval') return { reviewers: [], truncated: false };
  const reviewers: Reviewer[] = [];
  for await (const { actor, name, onBehalfOf } of everybody(tx, proposalId)) {
    const authority = deps.decide({
      action: 'proposal:review',
      actor,
      proposal: proposalFacts(record.proposal),
      digest: record.proposal.planDigest ?? '',
      requirement: record.plan?.requirement ?? null,
      reviews: record.reviews,
      held: record.held,
      ...(onBehalfOf ? { onBehalfOf } : {}),
    });
    if (!authority.allowed) continue;
    const whose = onBehalfOf?.id ?? null;
    // Several delegations between the same two are one way to review.
    if (whose !== null && reviewers.some((other) => other.id === actor.id && other.onBehalfOf === whose)) continue;
    if (reviewers.length === maximumReviewers) return { reviewers, truncated: true };
    reviewers.push({ id: actor.id, name, roles: [...actor.roles], teams: [...actor.teams], onBehalfOf: whose });
  }
  return { reviewers, truncated: false };
}

interface Candidate {
  actor: Actor;
  name: string | null;
  onBehalfOf?: Actor;
}

/** All people, and then the delegates once more, on each behalf on which they may review. */
async function* everybody(tx: Tx, proposalId: string): AsyncGenerator<Candidate> {
  yield* people(tx);
  const standIns = await readDelegates(tx, proposalId);
  const delegates = await tx.rows<Candidate & Record<string, unknown>>(
    `SELECT ${actorJson('p')} AS actor, p.name FROM exequatur.principal p WHERE p.id = ANY ($1::text[])`,
    [standIns.map(({ delegate }) => delegate)],
  );
  for (const { delegate, delegator } of standIns) {
    const who = delegates.find(({ actor }) => actor.id === delegate);
    if (who !== undefined) yield { ...who, onBehalfOf: delegator };
  }
}

const batch = 1_000;

/** All people of the directory who are not disabled, in batches, by id. */
async function* people(tx: Tx): AsyncGenerator<Candidate> {
  for (let after = ''; ; ) {
    const rows = await tx.rows<Candidate & Record<string, unknown>>(
      `SELECT ${actorJson('p')} AS actor, p.name
         FROM exequatur.principal p WHERE p.kind = 'user' AND NOT p.disabled AND p.id > $1 ORDER BY p.id LIMIT ${batch}`,
      [after],
    );
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < batch) return;
    after = last.actor.id;
  }
}
