import { randomBytes, randomUUID } from 'node:crypto';
import type { Actor } from '../ontology/authority.ts';
import { canonicalText, sha256Hex } from '../ontology/canonical-json.ts';
import type { JsonObject } from '../ontology/json.ts';
import { settingActions, settingRequirement } from '../ontology/setting-actions.ts';
import { askPolicies, refuseByPolicy } from './ask-policies.ts';
import type { Proposed } from './create-proposal.ts';
import { insertProposal } from './insert-proposal.ts';
import { isoTime } from './proposal-row.ts';
import { recordDecision } from './record-decision.ts';
import { type Refusal, refuse } from './refusal.ts';
import { settingDigest } from './setting-digest.ts';
import type { SettingChange } from './setting-plan.ts';
import type { PrismaTx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';
import { stopFault, stopOf } from './switches.ts';

export interface NewSettingChange {
  actor: Actor;
  parameters: JsonObject;
  justification: string;
  /** As it is planned now: it says whether the change loosens. The worker plans it again. */
  change: SettingChange;
}

/** Proposes a change of what governs, whose author was found to be one who may. The same change that waits already is not proposed twice. */
export async function proposeSetting(tx: PrismaTx, wish: NewSettingChange, deps: StoreDeps): Promise<Proposed | Refusal> {
  const { actor, change } = wish;
  const actionType = settingActions[change.setting];
  const parameters = canonicalText(wish.parameters);
  const parametersHash = sha256Hex(parameters);
  const waiting = await findWaiting(tx, actionType, parametersHash, actor);
  if (waiting !== null) return waiting;
  const stop = await stopOf(tx, actionType, actor);
  if (stop !== null) return refuse('switched_off', [stopFault(stop)]);
  await tx.rows('SELECT 1 FROM exequatur.know_settings()');
  const current = await deps.ontologies.load(tx);
  const [clock] = await tx.rows<{ now: string }>(`SELECT ${isoTime('exequatur.clock()')} AS now`);
  if (current === null || clock === undefined) throw new Error('before there is a document nothing is proposed');
  const by = await askPolicies(tx, deps, {
    actor,
    action: 'administer',
    resource: change.setting,
    context: { now: clock.now, revert: false },
  });
  if (!by.allowed) return refuseByPolicy(by);
  const proposalId = randomUUID();
  await insertProposal(tx, {
    id: proposalId,
    actionType,
    actionTypeVersion: 1,
    ontologyVersion: current.version,
    parameters,
    parametersHash,
    justification: wish.justification,
    proposer: actor,
    revisionSeed: randomBytes(16).toString('hex'),
    now: clock.now,
    expiresAfter: settingRequirement(change.setting, change.loosens, current.ontology.document).expiresAfter,
    revertOf: null,
    loosens: change.loosens.length > 0,
    settingDigest: await settingDigest(tx, change),
  });
  recordDecision(tx, { proposalId, actor: actor.id, action: 'propose', outcome: 'allowed', revision: 1, digest: null, by });
  return { proposalId, repeated: false, status: 'simulating', actionType };
}

/** A repeat after an answer that was lost finds what it had made. */
async function findWaiting(tx: PrismaTx, actionType: string, parametersHash: string, { id }: Actor): Promise<Proposed | null> {
  const [row] = await tx.rows<Pick<Proposed, 'proposalId' | 'status'>>(
    `SELECT p.id::text AS "proposalId", p.status FROM exequatur.proposal p
      WHERE p.action_type = $1 AND p.parameters_hash = $2 AND p.proposer_id = $3 AND p.revert_of IS NULL
        AND p.status IN ('simulating', 'awaiting_approval', 'changes_requested', 'approved', 'scheduled', 'executing')
      ORDER BY p.created_at LIMIT 1`,
    [actionType, parametersHash, id],
  );
  return row === undefined ? null : { ...row, repeated: true, actionType };
}
