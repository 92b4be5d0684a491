import type { PrincipalKind, ReviewFact } from '../ontology/authority.ts';
import { heldByPolicy, planFactsJson, reviewFactsJson } from './approval-facts.ts';
import { type PlanFacts, type ProposalRow, proposalJson } from './proposal-row.ts';
import { proposalFacts } from './proposal-view.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import { rolesInForce } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

export interface Reviewer {
  id: string;
  name: string | null;
  roles: string[];
  teams: string[];
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
  for await (const person of people(tx)) {
    const authority = deps.decide({
      action: 'proposal:review',
      actor: person,
      proposal: proposalFacts(record.proposal),
      digest: record.proposal.planDigest ?? '',
      requirement: record.plan?.requirement ?? null,
      reviews: record.reviews,
      held: record.held,
    });
    if (!authority.allowed) continue;
    if (reviewers.length === maximumReviewers) return { reviewers, truncated: true };
    reviewers.push({ id: person.id, name: person.name, roles: person.roles, teams: person.teams });
  }
  return { reviewers, truncated: false };
}

interface Person extends Reviewer {
  kind: PrincipalKind;
  actsFor: string | null;
  disabled: boolean;
  person: string;
}

const batch = 1_000;

/** All people of the directory who are not disabled, in batches, by id. */
async function* people(tx: Tx): AsyncGenerator<Person> {
  for (let after = ''; ; ) {
    const rows = await tx.rows<{ who: Person }>(
      `SELECT jsonb_build_object('id', p.id, 'kind', p.kind, 'name', p.name, 'roles', to_jsonb(${rolesInForce('p')}), 'teams', to_jsonb(p.teams), 'actsFor', p.acts_for,
                                 'disabled', p.disabled, 'person', COALESCE(p.person, p.id)) AS who
         FROM exequatur.principal p WHERE p.kind = 'user' AND NOT p.disabled AND p.id > $1 ORDER BY p.id LIMIT ${batch}`,
      [after],
    );
    for (const { who } of rows) yield who;
    const last = rows.at(-1);
    if (last === undefined || rows.length < batch) return;
    after = last.who.id;
  }
}
