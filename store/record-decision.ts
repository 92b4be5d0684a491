import { randomBytes, randomUUID } from 'node:crypto';
import { commitmentTo } from '../audit/entry.ts';
import type { JsonObject } from '../ontology/json.ts';
import type { Determination } from './ask-policies.ts';
import { decisionText } from './decision-text.ts';
import type { Refusal } from './refusal.ts';
import type { Tx } from './sql.ts';

export interface Decision {
  proposalId: string;
  actor: string;
  action: 'propose' | 'revise' | 'revert' | 'withdraw' | 'review' | 'stage' | 'execute' | 'override' | 'cancel' | 'resolve' | 'look back';
  /** `asked`: people are to decide. `held`: nothing forbids it, and it is not done now. */
  outcome: 'allowed' | 'refused' | 'asked' | 'held';
  /** A code of the catalogue; of what is held, why the proposal moved. */
  reason?: string;
  revision: number;
  digest: string | null;
  /** Absent where the gate's own rules decided, and no policy was asked. */
  by?: Determination | { version: 0; policies: string[]; errors: [] };
  details?: JsonObject;
}

/**
 * Keeps a decision and what determined it, in the transaction that acts on it. A refusal is kept as well, once: who asks the same again in the same state is answered,
 * and adds nothing. Refusals have an entry of their own in the audit log; what was allowed has the entry of what was done. That entry commits to the decision, by a salt which is in
 * its row alone: so the log names nobody, and a row that is changed afterwards is not the one that was committed to.
 */
export function recordDecision(tx: Tx, decision: Decision): void {
  const { proposalId, actor, action, outcome, reason = null, revision, digest, details = {} } = decision;
  const { version, policies, errors } = decision.by ?? { version: 0, policies: [], errors: [] };
  const [id, salt] = [randomUUID(), randomBytes(16).toString('hex')];
  const taken = { id, proposalId, actor, action, outcome, reason, revision, digest, policyVersion: version, policies, errors, details };
  tx.decided(proposalId, commitmentTo(salt, decisionText(taken)));
  tx.send(
    `INSERT INTO exequatur.decision (tenant_id, id, proposal_id, at, actor, action, outcome, reason, revision, digest, policy_version, policies, errors, details, salt)
     SELECT (SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, exequatur.clock(), $3, $4, $5, $6, $7::int, $8, $9::bigint, $10::text[], $11::text[], $12::jsonb, decode($13, 'hex')`,
    [id, proposalId, actor, action, outcome, reason, revision, digest, version, policies, errors, JSON.stringify(details), salt],
  );
}

/** The same of a refusal, whose transaction does nothing else. @returns the refusal. */
export async function recordRefusal(tx: Tx, decision: Omit<Decision, 'outcome' | 'reason'>, refusal: Refusal): Promise<Refusal> {
  const { version, policies } = decision.by ?? { version: 0, policies: [] };
  const reason = refusal.refused;
  const [known] = await tx.rows(
    `SELECT 1 FROM exequatur.decision d WHERE d.proposal_id = $1::uuid AND d.actor = $2 AND d.action = $3 AND d.outcome = 'refused' AND d.reason = $4
        AND d.revision = $5::int AND d.digest IS NOT DISTINCT FROM $6 AND d.policy_version = $7::bigint LIMIT 1`,
    [decision.proposalId, decision.actor, decision.action, reason, decision.revision, decision.digest, version],
  );
  if (known !== undefined) return refusal;
  recordDecision(tx, { ...decision, outcome: 'refused', reason });
  tx.audit({
    type: 'decision.refused',
    proposalId: decision.proposalId,
    facts: { action: decision.action, reason, revision: decision.revision, policyVersion: version, policies },
    personal: { actor: decision.actor },
  });
  return refusal;
}

/** Where a refusal goes back to: what was written after it, an idempotency key above all, is not kept. MUST be sent first. */
export function beginAsking(tx: Tx): void {
  tx.send('SAVEPOINT asking', []);
}

/** Takes back what was written since `beginAsking` and keeps the refusal alone. */
export async function recordRefusalAlone(tx: Tx, decision: Omit<Decision, 'outcome' | 'reason'>, refusal: Refusal): Promise<Refusal> {
  await tx.rows('ROLLBACK TO SAVEPOINT asking');
  return recordRefusal(tx, decision, refusal);
}
