import { randomUUID } from 'node:crypto';
import type { Tx } from './sql.ts';

/** MUST be called with the tenant's control row locked alone. What policies had held is looked at again. */
export async function putPoliciesInForce(tx: Tx, facts: { version: number; digest: string }, actor: string): Promise<void> {
  await tx.rows('UPDATE exequatur.tenant_control SET policy_version = $1::bigint, updated_at = exequatur.clock()', [facts.version]);
  const auditEntryId = tx.audit({ type: 'policies.changed', facts, personal: { actor } });
  tx.send(
    `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, 'policies.changed', 'policies', $3::jsonb, exequatur.clock())`,
    [randomUUID(), auditEntryId, JSON.stringify(facts)],
  );
  await tx.rows(
    `INSERT INTO exequatur.nudge (tenant_id, id, proposal_id, created_at, attempts)
     SELECT p.tenant_id, gen_random_uuid(), p.id, exequatur.clock(), 0 FROM exequatur.proposal p
      WHERE p.status = 'awaiting_approval' AND EXISTS (
        SELECT FROM exequatur.decision d WHERE d.tenant_id = p.tenant_id AND d.proposal_id = p.id AND d.action = 'execute' AND d.outcome = 'refused' AND d.digest = p.plan_digest)`,
  );
}
