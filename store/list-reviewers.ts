import { setImmediate as turn } from 'node:timers/promises';
import type { Actor, ReviewFact } from '../ontology/authority.ts';
import type { PlanSummary, ResolvedRequirement } from '../ontology/plan.ts';
import { answered } from '../ontology/policy-engine.ts';
import { heldByPolicy, planFactsJson, reviewFactsJson } from './approval-facts.ts';
import { readDelegates } from './delegations.ts';
import { reviewAsker } from './may-review.ts';
import { policyVersionInForce } from './policy-sets.ts';
import { isoTime, type PlanFacts, type ProposalRow, proposalJson } from './proposal-row.ts';
import { proposalFacts } from './proposal-view.ts';
import { type Refusal, refuse } from './refusal.ts';
import { sightBy } from './see-proposal.ts';
import type { Tx } from './sql.ts';
import { actorJson } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

export interface Reviewer {
  id: string;
  name: string | null;
  /** Whose review it would be, where this is a delegate; null: their own. */
  onBehalfOf: string | null;
}

/** Of one question, as many as a person would read; a tenant with more possible reviewers has chosen a wide condition. */
const maximumReviewers = 200;
/** People of whom the policies are asked; with a thousand policies each takes some milliseconds. */
const maximumAsked = 1_000;

/**
 * Who could review a waiting proposal now, by name, going by standing alone: each is put to the same gate and the same policies that a review meets, and is here if a first
 * review that approves would be taken. Whoever's token claims less than the directory remembers may still be refused. Takes no locks. `escalated` asks as if it had escalated. @throws PolicyEngineAway
 */
export async function listReviewers(
  tx: Tx,
  proposalId: string,
  deps: StoreDeps,
  { escalated = false } = {},
): Promise<{ reviewers: Reviewer[]; truncated: boolean } | Refusal> {
  const [[record], version] = await Promise.all([
    tx.rows<{
      proposal: ProposalRow;
      now: string;
      plan: PlanFacts | null;
      summary: PlanSummary | null;
      reviews: ReviewFact[];
      held: boolean;
    }>(
      `SELECT ${proposalJson('p')} AS proposal, ${isoTime('exequatur.clock()')} AS now, CASE WHEN l.id IS NOT NULL THEN ${planFactsJson('l')} END AS plan, l.summary, ${reviewFactsJson('p')} AS reviews, ${heldByPolicy('p')} AS held
       FROM exequatur.proposal p LEFT JOIN exequatur.plan l ON l.tenant_id = p.tenant_id AND l.id = p.plan_id WHERE p.id = $1::uuid`,
      [proposalId],
    ),
    policyVersionInForce(tx),
  ]);
  if (record === undefined) return refuse('not_found');
  const { proposal, now, plan, summary, reviews, held } = record;
  if (proposal.status !== 'awaiting_approval' || plan === null || now >= proposal.expiresAt) return { reviewers: [], truncated: false };
  const requirement: ResolvedRequirement = { ...plan.requirement, ...(escalated ? { escalated } : {}) };
  const question = { proposal: proposalFacts(proposal), digest: proposal.planDigest ?? '', requirement, reviews, held };
  const ask = reviewAsker(tx, deps, { proposal, now, version });
  const reviewers: Reviewer[] = [];
  const ways = new Set<string>();
  let asked = 0;
  for await (const { actor, name, onBehalfOf } of everybody(tx, proposalId)) {
    const authority = deps.decide({ action: 'proposal:review', actor, ...question, ...(onBehalfOf ? { onBehalfOf } : {}) });
    if (!authority.allowed) continue;
    const whose = onBehalfOf?.id ?? null;
    // Of several delegations between the same two a review goes by the first that suffices.
    const way = JSON.stringify([actor.id, whose]);
    if (ways.has(way)) continue;
    ways.add(way);
    if (reviewers.length === maximumReviewers || asked === maximumAsked) return { reviewers, truncated: true };
    // The built-in policies say what the gate has said.
    if (version !== 0) {
      asked++;
      if (asked % askedInTurn === 0) await turn();
      // With no answer nobody would be here, and be told, or reminded, as if nobody might.
      if (!(await sightBy(tx, deps, actor, { version, now })({ ...proposal, summary }))) continue;
      if (!answered(await ask(actor, onBehalfOf)).allowed) continue;
    }
    reviewers.push({ id: actor.id, name, onBehalfOf: whose });
  }
  return { reviewers, truncated: false };
}

const askedInTurn = 10; // Between which others are worked on.

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
