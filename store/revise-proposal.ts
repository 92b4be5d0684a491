import { randomBytes } from 'node:crypto';
import { admitsProposer } from '../ontology/admits-proposer.ts';
import type { Actor, Caller } from '../ontology/authority.ts';
import { digestOf, sha256Hex } from '../ontology/canonical-json.ts';
import { isChangeSet } from '../ontology/change-set.ts';
import { durationMs } from '../ontology/duration.ts';
import type { JsonValue } from '../ontology/json.ts';
import { checkReferences } from '../ontology/parameters.ts';
import { parseFor } from '../ontology/parse-change-set.ts';
import { settingOf } from '../ontology/setting-actions.ts';
import { askPolicies, refuseByPolicy } from './ask-policies.ts';
import { findAction, type Proposed } from './create-proposal.ts';
import { lockDefinitionsShared } from './definitions-lock.ts';
import { claimIdempotencyKey } from './idempotency.ts';
import { announceAndNudge, leaveNudge } from './nudges.ts';
import { policyQuestion, withFacts } from './policy-facts.ts';
import { hasExpired, type LockedProposal, lockProposal } from './proposal-row.ts';
import { proposalFacts } from './proposal-view.ts';
import { beginAsking, recordDecision, recordRefusalAlone } from './record-decision.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { type ParseSetting, type RevisedSetting, reviseSetting } from './revise-setting.ts';
import { settleLocked } from './settle.ts';
import type { PrismaTx, Tx } from './sql.ts';
import { SqlSnapshot } from './sql-snapshot.ts';
import { readActors, resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';
import { obstaclesOf, stopFault } from './switches.ts';

export interface Revision {
  proposalId: string;
  parameters: JsonValue;
  /** The earlier one stays where this is left out. */
  justification?: string;
  idempotencyKey?: string;
  by: Caller;
  /** Of changes of what governs, whose parameters are what was sent to change it; without it these are not revised. */
  parseSetting?: ParseSetting;
}

/**
 * Takes a proposal of which changes were requested to its next revision: other parameters, a seed, an expiry and a simulation of its own, and no review that counts.
 * Locks the proposal's row, so of a revision and an expiry at one instant the first to get the lock decides. A repeat with the same idempotency key changes nothing.
 */
export async function reviseProposal(tx: PrismaTx, request: Revision, deps: StoreDeps): Promise<Proposed | Refusal> {
  const { proposalId, by } = request;
  beginAsking(tx);
  const earlier = await claimIdempotencyKey(tx, {
    principalId: by.id,
    operation: `revise ${proposalId}`,
    key: request.idempotencyKey,
    requestHash: () => digestOf({ parameters: request.parameters, justification: request.justification ?? null }),
    proposalId,
  });
  if (earlier !== null) return earlier;
  const [proposal, actor] = await Promise.all([
    lockProposal(tx, proposalId),
    resolveActor(tx, by),
    tx.rows(`SELECT 1 FROM ${lockDefinitionsShared}`),
  ]);
  if (proposal === null) return undone(tx, refuse('not_found'));
  const authority = deps.decide({
    action: 'proposal:revise',
    actor,
    proposal: proposalFacts(proposal),
    isRevert: proposal.revertOf !== null,
  });
  const decision = { proposalId, actor: actor.id, action: 'revise' as const, revision: proposal.revision, digest: proposal.planDigest };
  if (!authority.allowed) return recordRefusalAlone(tx, decision, refuse(authority.reason));
  const determined = await askPolicies(tx, deps, {
    actor,
    ...policyQuestion('propose', proposal.actionType),
    context: withFacts(proposal, { now: proposal.now, revert: false }, {}),
  });
  if (!determined.allowed) return recordRefusalAlone(tx, { ...decision, by: determined }, refuseByPolicy(determined));
  if (hasExpired(proposal)) {
    settleLocked(tx, proposal, { plan: null, reviews: [] });
    leaveNudge(tx, proposalId);
    return refuse('not_revisable');
  }
  const revised = await revise(tx, proposal, request, actor, deps);
  if (isRefusal(revised)) return undone(tx, revised);
  recordDecision(tx, { ...decision, outcome: 'allowed', by: determined });
  return revised;
}

async function revise(
  tx: PrismaTx,
  proposal: LockedProposal,
  request: Revision,
  actor: Actor,
  deps: StoreDeps,
): Promise<Proposed | Refusal> {
  const { stop } = await obstaclesOf(tx, proposal.id);
  if (stop !== null) return refuse('switched_off', [stopFault(stop)]);
  const justification = request.justification ?? proposal.justification;
  const setting = settingOf(proposal.actionType);
  const { parameters, parseSetting } = request;
  if (setting !== null && parseSetting !== undefined) {
    const revised = await reviseSetting(tx, { setting, proposal, parameters, justification, actor }, parseSetting, deps);
    return isRefusal(revised) ? revised : announceRevision(tx, proposal, { ...revised, justification, actor: actor.id });
  }
  const action = await findAction(tx, proposal.actionType, deps);
  if (action === null) {
    const message = `there is no action type ${proposal.actionType} any more`;
    return refuse('unknown_action_type', [{ code: 'unknown_action_type', pointer: '', message }]);
  }
  // Whoever sends the revision, it stays the proposer's, who has to be admitted by what the directory says of them now, and by the token where it is theirs.
  const proposer = actor.id === proposal.proposerId ? actor : (await readActors(tx, [proposal.proposerId])).get(proposal.proposerId);
  if (proposer === undefined || !admitsProposer(action.type.definition.proposers ?? null, proposer)) return refuse('proposer_not_allowed');
  const parsed = parseFor(action.ontology, action.type.name, request.parameters);
  if (!parsed.ok) return refuse('invalid_parameters', parsed.faults);
  const unknown = isChangeSet(action.type.name)
    ? []
    : await checkReferences(action.ontology, action.type.name, parsed.parameters, new SqlSnapshot(tx));
  if (unknown.length > 0) return refuse('unknown_reference', unknown);
  const expires = new Date(Date.parse(proposal.now) + durationMs(action.type.policy.expiresAfter)).toISOString();
  const seed = randomBytes(16).toString('hex');
  const [row] = await tx.rows<{ revision: number }>(
    'SELECT exequatur.revise_proposal($1::uuid, $2, $3, $4, $5::timestamptz, $6) AS revision',
    [proposal.id, parsed.text, justification, seed, expires, request.by.actsFor ?? null],
  );
  const { version: actionTypeVersion, ontologyVersion } = action;
  const revised = { revision: row?.revision ?? 0, parameters: parsed.text, actionTypeVersion, ontologyVersion };
  return announceRevision(tx, proposal, { ...revised, justification, actor: actor.id });
}

function announceRevision(
  tx: Tx,
  proposal: LockedProposal,
  { parameters, justification, actor, ...revised }: RevisedSetting & { justification: string; actor: string },
): Proposed {
  const facts = { from: proposal.status, status: 'simulating', ...revised, parametersHash: sha256Hex(parameters) };
  const auditEntryId = tx.audit({ type: 'proposal.revised', proposalId: proposal.id, facts, personal: { actor, justification } });
  const data = { proposalId: proposal.id, actionType: proposal.actionType, ...facts };
  announceAndNudge(tx, { type: 'proposal.revised', proposalId: proposal.id, data, auditEntryId });
  return { proposalId: proposal.id, repeated: false, status: 'simulating', actionType: proposal.actionType };
}

function undone<R>(tx: Tx, refusal: R): R {
  tx.undo();
  return refusal;
}
