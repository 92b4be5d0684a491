import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { admitsProposer } from '../ontology/admits-proposer.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import { parseFor } from '../ontology/parse-change-set.ts';
import type { ProblemCode } from '../ontology/problems.ts';
import { readApprovalFacts } from './approval-facts.ts';
import { type FoundAction, findAction } from './create-proposal.ts';
import { areDefinitionsInForce } from './definitions-in-force.ts';
import { lockDefinitionsShared } from './definitions-lock.ts';
import { hasExpired, type LockedProposal, lockProposal, type StoredFailure } from './proposal-row.ts';
import { type Tx, withTenant } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';
import { transition } from './transition.ts';

/**
 * Takes a proposal in `simulating` whose definitions are no longer in force to the version of its action type that is: a new revision, with no plan and no approval.
 * Where the new definition does not admit the proposer or the parameters, or the action type is gone, the proposal ends as `invalid` and says why. Locks the proposal,
 * then the definitions against uploads. A repeat, and a proposal that is not to be raised, change nothing.
 */
export async function raiseProposal(pool: pg.Pool, tenant: string, proposalId: string, deps: Pick<StoreDeps, 'ontologies'>): Promise<void> {
  await withTenant(pool, tenant, async (tx) => {
    const [proposal] = await Promise.all([lockProposal(tx, proposalId), tx.rows(`SELECT 1 FROM ${lockDefinitionsShared}`)]);
    if (proposal === null || proposal.status !== 'simulating' || proposal.revertOf !== null || hasExpired(proposal)) return;
    if (await areDefinitionsInForce(tx, proposalId)) return;
    const action = await findAction(tx, proposal.actionType, deps);
    const failure = action === null ? superseded(proposal) : await raise(tx, proposal, action);
    if (failure !== null) transition(tx, proposal, { to: 'invalid', failure });
  });
}

async function raise(tx: Tx, proposal: LockedProposal, action: FoundAction): Promise<StoredFailure | null> {
  const at = `${action.type.name} is at version ${action.version} now`;
  // Roles are those with which it was proposed, as for everything else that a simulation asks of the proposer.
  const proposer = { id: proposal.proposerId, kind: proposal.proposerKind, roles: proposal.proposerRoles };
  if (!admitsProposer(action.type.definition.proposers ?? null, proposer))
    return failure('proposer_not_allowed', `${at}, which does not admit the proposer`);
  const [row] = await tx.rows<{ parameters: string }>('SELECT p.parameters FROM exequatur.proposal p WHERE p.id = $1::uuid', [proposal.id]);
  const parsed = parseFor(action.ontology, action.type.name, JSON.parse(row?.parameters ?? '{}') as JsonValue);
  if (!parsed.ok) return { code: 'invalid_parameters', faults: parsed.faults };
  const { reviews } = await readApprovalFacts(tx, proposal.id);
  const voided = reviews.filter(({ decision }) => decision === 'approve').length;
  const [raised] = await tx.rows<{ revision: number | null }>('SELECT exequatur.raise_proposal($1::uuid, $2) AS revision', [
    proposal.id,
    parsed.text,
  ]);
  if (raised?.revision == null) return failure('action_type_superseded', `${at}, under which the parameters mean something else`);
  announce(tx, proposal, action, raised.revision, voided);
  return null;
}

function announce(
  tx: Tx,
  proposal: LockedProposal,
  { version, ontologyVersion }: FoundAction,
  revision: number,
  voidedApprovals: number,
): void {
  const facts: JsonObject = {
    actionTypeVersion: version,
    ontologyVersion,
    revision,
    previousVersion: proposal.actionTypeVersion,
    previousDigest: proposal.planDigest,
    voidedApprovals,
  };
  const entry = tx.audit({ type: 'proposal.raised', proposalId: proposal.id, facts });
  tx.send(
    `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, 'proposal.raised', 'proposal/' || $3::text, $3::text::uuid, $4::jsonb, exequatur.clock())`,
    [randomUUID(), entry, proposal.id, JSON.stringify({ proposalId: proposal.id, actionType: proposal.actionType, ...facts })],
  );
}

/** Whoever still wants it proposes something else: the action is gone. */
function superseded({ actionType, actionTypeVersion }: LockedProposal): StoredFailure {
  return failure('action_type_superseded', `${actionType}, proposed at version ${actionTypeVersion}, can no longer be proposed`);
}

function failure(code: ProblemCode, message: string): StoredFailure {
  return { code, faults: [{ code, message }] };
}
