import type { PrincipalKind } from '../ontology/authority.ts';
import type { PlanSummary } from '../ontology/plan.ts';
import { answered, type PolicyContext, type PolicyPrincipal } from '../ontology/policy-engine.ts';
import { settingOf } from '../ontology/setting-actions.ts';
import { askPolicies } from './ask-policies.ts';
import { policyVersionInForce } from './policy-sets.ts';
import { isoTime } from './proposal-row.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql, Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/** What policies go by where somebody is to see a proposal: nothing that has to be read for it, since a page of them asks for each. */
export interface SeenProposal {
  id: string;
  actionType: string;
  proposerId: string;
  proposerKind: PrincipalKind;
  actsFor: string | null;
  summary: PlanSummary | null;
}

/** Whether somebody may see a proposal. @throws PolicyEngineAway */
export type Sight = (proposal: SeenProposal) => Promise<boolean>;

/**
 * What a version of the policies lets this principal see of proposals, at one instant. Nobody is kept from what they, or who acts for them, proposed, and a change of what
 * governs is seen by whoever sees the tenant.
 */
export function sightBy(
  tx: Tx,
  deps: Pick<StoreDeps, 'policies'>,
  viewer: PolicyPrincipal,
  { version, now }: { version: number; now: string },
): Sight {
  return async (proposal) => {
    if (proposal.proposerId === viewer.id || proposal.actsFor === viewer.id || settingOf(proposal.actionType) !== null) return true;
    const question = {
      actor: viewer,
      action: 'see' as const,
      resource: proposal.actionType,
      version,
      context: sightContext(proposal, now),
    };
    return answered(await askPolicies(tx, deps, question)).allowed;
  };
}

/** The same by the version in force. Null where these are the built-in ones, which say of each proposal what they say of the tenant. */
export async function sightOf(tx: Tx, deps: Pick<StoreDeps, 'policies'>, viewer: PolicyPrincipal): Promise<Sight | null> {
  const [version, [clock]] = await Promise.all([
    policyVersionInForce(tx),
    tx.rows<{ now: string }>(`SELECT ${isoTime('exequatur.clock()')} AS now`),
  ]);
  return version === 0 || clock === undefined ? null : sightBy(tx, deps, viewer, { version, now: clock.now });
}

/** What policies go by there, at an instant, ISO text. */
export function sightContext({ proposerId: id, proposerKind: kind, actsFor, summary }: SeenProposal, now: string): PolicyContext {
  const proposer = { id, kind, ...(actsFor === null ? {} : { actsFor }) };
  if (summary === null) return { now, proposer };
  const { riskTier, edits, objectTypes, sensitive = [] } = summary;
  return { now, proposer, plan: { riskTier, edits, objectTypes: Object.keys(objectTypes), sensitive } };
}

/** A proposal that this principal may not see is not there for them, like another tenant's; null where it is seen, or there is none. @throws PolicyEngineAway */
export async function mayNotSeeProposal(
  tx: Tx,
  deps: Pick<StoreDeps, 'policies'>,
  viewer: PolicyPrincipal,
  proposalId: string,
): Promise<Refusal | null> {
  return (await hiddenProposals(tx, deps, viewer, [proposalId])).has(proposalId) ? refuse('not_found') : null;
}

/** Those of these proposals that this principal may not see. @throws PolicyEngineAway */
export async function hiddenProposals(
  tx: Tx,
  deps: Pick<StoreDeps, 'policies'>,
  viewer: PolicyPrincipal,
  proposalIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const hidden = new Set<string>();
  if (proposalIds.length === 0) return hidden;
  const sees = await sightOf(tx, deps, viewer);
  if (sees === null) return hidden;
  for (const proposal of await readSeen(tx, proposalIds)) if (!(await sees(proposal))) hidden.add(proposal.id);
  return hidden;
}

function readSeen(sql: Sql, proposalIds: readonly string[]): Promise<SeenProposal[]> {
  return sql.rows<SeenProposal>(
    `SELECT p.id::text AS id, p.action_type AS "actionType", p.proposer_id AS "proposerId", p.proposer_kind AS "proposerKind", p.acts_for AS "actsFor", l.summary
       FROM exequatur.proposal p LEFT JOIN exequatur.plan l ON l.tenant_id = p.tenant_id AND l.id = p.plan_id WHERE p.id = ANY($1::uuid[])`,
    [[...new Set(proposalIds)]],
  );
}
