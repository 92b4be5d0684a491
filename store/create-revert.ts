import { randomBytes, randomUUID } from 'node:crypto';
import type { Authority, Caller } from '../ontology/authority.ts';
import { digestOf } from '../ontology/canonical-json.ts';
import { actionTypeIn } from '../ontology/change-set.ts';
import { settingOf } from '../ontology/setting-actions.ts';
import { askPolicies, refuseByPolicy } from './ask-policies.ts';
import type { Proposed } from './create-proposal.ts';
import { claimIdempotencyKey } from './idempotency.ts';
import { insertProposal } from './insert-proposal.ts';
import { questionOf } from './may-administer.ts';
import { planSetting } from './plan-setting.ts';
import { policyQuestion, withFacts } from './policy-facts.ts';
import { lockProposal } from './proposal-row.ts';
import { revertQuestion } from './proposal-view.ts';
import { readProposalRecord } from './read-proposal.ts';
import { beginAsking, type Decision, recordDecision, recordRefusalAlone } from './record-decision.ts';
import { type Refusal, refuse, refuseFaults } from './refusal.ts';
import { settingDigest } from './setting-digest.ts';
import type { PrismaTx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';
import { stopFault, stopOf } from './switches.ts';

export interface NewRevert {
  /** The executed proposal to take back. */
  proposalId: string;
  justification: string;
  /** What becomes of what others changed since: the revert is refused, or leaves that as it is. */
  conflicts?: 'refuse' | 'skip';
  idempotencyKey?: string;
  proposer: Caller;
}

/**
 * Proposes to take an execution back, or what is left of it: a new proposal with the original's action type, version and parameters, whose plan will be the inverse. Locks the row of the
 * proposal that the family of reverts began with, so that two at once do not both find none open; a unique index holds the same. A refusal leaves nothing.
 */
export async function createRevert(tx: PrismaTx, request: NewRevert, deps: StoreDeps): Promise<Proposed | Refusal> {
  const proposalId = randomUUID();
  beginAsking(tx);
  const earlier = await claimIdempotencyKey(tx, {
    principalId: request.proposer.id,
    operation: 'revert',
    key: request.idempotencyKey,
    requestHash: () =>
      digestOf({
        proposalId: request.proposalId,
        justification: request.justification,
        ...(request.conflicts === 'skip' ? { conflicts: 'skip' } : {}),
      }),
    proposalId,
  });
  if (earlier !== null) return earlier;
  const accepted = await acceptRevert(tx, request, proposalId, deps);
  if (!('refused' in accepted)) return accepted;
  const { decision, ...refusal } = accepted;
  if (decision !== undefined) return recordRefusalAlone(tx, decision, refusal);
  tx.undo();
  return refusal;
}

/** Whoever takes back a revert locks that first and then what the family began with, and nobody two of a family in another order. */
async function lockFirst(tx: PrismaTx, proposalId: string): Promise<void> {
  await tx.rows(
    `SELECT o.id FROM exequatur.proposal o
      WHERE o.id = (SELECT x.proposal_id FROM exequatur.proposal p JOIN exequatur.execution x ON x.tenant_id = p.tenant_id AND x.id = p.revert_root WHERE p.id = $1::uuid) FOR UPDATE`,
    [proposalId],
  );
}

const permitted: Authority = { allowed: true };

async function acceptRevert(
  tx: PrismaTx,
  request: NewRevert,
  proposalId: string,
  deps: StoreDeps,
): Promise<Proposed | (Refusal & { decision?: Omit<Decision, 'outcome' | 'reason'> })> {
  const original = await lockProposal(tx, request.proposalId);
  if (original !== null && original.revertOf !== null) await lockFirst(tx, original.id);
  const record = original === null ? null : await readProposalRecord(tx, request.proposalId);
  if (original === null || record === null) return refuse('not_found');
  const actor = await resolveActor(tx, request.proposer);
  const loaded = await deps.ontologies.load(tx, original.ontologyVersion);
  const proposers = (loaded && actionTypeIn(loaded.ontology, original.actionType))?.definition.proposers ?? null;
  const { revision, planDigest: digest } = original;
  const decision = { proposalId: original.id, actor: actor.id, action: 'revert' as const, revision, digest };
  const authority = deps.decide(revertQuestion(record, actor, proposers));
  if (!authority.allowed) return { ...refuse(authority.reason), decision };
  const setting = settingOf(original.actionType);
  const may = setting === null ? permitted : deps.decide(questionOf(setting, actor));
  if (!may.allowed) return { ...refuse(may.reason), decision };
  const by = await askPolicies(tx, deps, {
    actor,
    ...policyQuestion('propose', original.actionType),
    context: withFacts(original, { now: original.now, revert: true }, {}),
  });
  if (!by.allowed) return { ...refuseByPolicy(by), decision: { ...decision, by } };
  if (record.execution === null || record.plan === null || record.parameters === null) return refuse('not_revertible');
  const stop = await stopOf(tx, original.actionType, actor);
  if (stop !== null) return refuse('switched_off', [stopFault(stop)]);
  const planned =
    setting === null ? null : await planSetting(tx, { setting, parameters: {}, revertOf: record.execution.id, proposer: actor }, deps);
  if (planned?.kind === 'invalid') return refuseFaults(planned.faults, 'revert_conflict');
  const [kept] = await tx.rows<{ parameters_hash: string }>('SELECT p.parameters_hash FROM exequatur.proposal p WHERE p.id = $1::uuid', [
    original.id,
  ]);
  if (kept === undefined) throw new Error('the proposal vanished while it was locked');
  await insertProposal(tx, {
    id: proposalId,
    actionType: original.actionType,
    actionTypeVersion: original.actionTypeVersion,
    ontologyVersion: original.ontologyVersion,
    parameters: record.parameters,
    parametersHash: kept.parameters_hash,
    justification: request.justification,
    proposer: actor,
    revisionSeed: randomBytes(16).toString('hex'),
    now: original.now,
    expiresAfter: record.plan.requirement.expiresAfter,
    revertOf: record.execution.id,
    skipsConflicts: request.conflicts === 'skip' && setting === null,
    ...(planned === null ? {} : { loosens: planned.change.loosens.length > 0, settingDigest: await settingDigest(tx, planned.change) }),
  });
  recordDecision(tx, {
    ...decision,
    proposalId,
    revision: 1,
    digest: null,
    outcome: 'allowed',
    by,
    details: { revertOf: record.execution.id },
  });
  return { proposalId, repeated: false, status: 'simulating', actionType: original.actionType };
}
