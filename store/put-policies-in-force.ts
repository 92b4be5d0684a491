import { announceChange } from './announce-change.ts';
import type { Tx } from './sql.ts';

/** MUST be called with the tenant's control row locked alone. What policies had held is looked at again. */
export async function putPoliciesInForce(tx: Tx, facts: { version: number; digest: string }, actor: string): Promise<void> {
  await tx.rows('UPDATE exequatur.tenant_control SET policy_version = $1::bigint, updated_at = exequatur.clock()', [facts.version]);
  announceChange(tx, { type: 'policies.changed', subject: 'policies', facts, personal: { actor } });
  await tx.rows(
    `INSERT INTO exequatur.nudge (tenant_id, id, proposal_id, created_at, attempts)
     SELECT p.tenant_id, gen_random_uuid(), p.id, exequatur.clock(), 0 FROM exequatur.proposal p
      WHERE p.status = 'awaiting_approval' AND EXISTS (
        SELECT FROM exequatur.decision d WHERE d.tenant_id = p.tenant_id AND d.proposal_id = p.id AND d.action = 'execute' AND d.outcome = 'refused' AND d.digest = p.plan_digest)`,
  );
}
