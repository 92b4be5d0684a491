import type { PrincipalKind } from '../ontology/authority.ts';
import type { PolicyPrincipal } from '../ontology/policy-engine.ts';
import { type Refusal, refuse } from './refusal.ts';
import { sightOf } from './see-proposal.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

interface SeenSchedule {
  id: string;
  actionType: string;
  ownerId: string;
  ownerKind: PrincipalKind;
  actsFor: string | null;
  madeFor: string[];
}

/**
 * Those of these schedules that somebody may see. A schedule says what its runs will propose, so policies are asked of it as of a proposal by its owner of which there is no plan yet.
 * Nobody is kept from their own, nor from what was made for them. @throws PolicyEngineAway
 */
export async function schedulesSeenBy<S extends { id: string }>(
  tx: Tx,
  deps: Pick<StoreDeps, 'policies'>,
  viewer: PolicyPrincipal,
  schedules: readonly S[],
): Promise<S[]> {
  const sees = schedules.length === 0 ? null : await sightOf(tx, deps, viewer);
  if (sees === null) return [...schedules];
  const rows = await tx.rows<SeenSchedule & Record<string, unknown>>(
    `SELECT s.id::text AS id, s.action_type AS "actionType", s.owner_id AS "ownerId", coalesce(w.kind, 'user') AS "ownerKind", w.acts_for AS "actsFor", s.made_for AS "madeFor"
       FROM exequatur.schedule s LEFT JOIN exequatur.principal w ON w.tenant_id = s.tenant_id AND w.id = s.owner_id WHERE s.id = ANY ($1::uuid[])`,
    [schedules.map(({ id }) => id)],
  );
  const answers = new Map<string, boolean>(); // Policies know of a schedule no more than this, so a thousand by one service are one question.
  const seen = new Set<string>();
  for (const { id, actionType, ownerId, ownerKind, actsFor, madeFor } of rows) {
    const question = JSON.stringify([actionType, ownerId]);
    const answer =
      answers.get(question) ?? (await sees({ id, actionType, proposerId: ownerId, proposerKind: ownerKind, actsFor, summary: null }));
    answers.set(question, answer);
    if (answer || madeFor.includes(viewer.id)) seen.add(id);
  }
  return schedules.filter(({ id }) => seen.has(id));
}

/** A schedule that this principal may not see is not there for them; null where it is seen, or there is none. @throws PolicyEngineAway */
export async function mayNotSeeSchedule(
  tx: Tx,
  deps: Pick<StoreDeps, 'policies'>,
  viewer: PolicyPrincipal,
  id: string,
): Promise<Refusal | null> {
  return (await schedulesSeenBy(tx, deps, viewer, [{ id }])).length > 0 ? null : refuse('not_found');
}
