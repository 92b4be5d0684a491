import type { ProposalStatus } from '../ontology/lifecycle.ts';
import type { Proposed } from './create-proposal.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';

export interface IdempotencyClaim {
  principalId: string;
  operation: string;
  /** Without one every request is one of its own. */
  key: string | undefined;
  requestHash: () => string;
  proposalId: string;
}

/**
 * Takes the key for this request. Null means it is ours; otherwise what the first request with it came to. An insert that meets one not yet committed waits for it,
 * so a repeat never overtakes the original.
 */
export async function claimIdempotencyKey(tx: Tx, claim: IdempotencyClaim): Promise<Proposed | Refusal | null> {
  const { key } = claim;
  if (key === undefined) return null;
  const requestHash = claim.requestHash();
  const ours = await tx.rows(
    `INSERT INTO exequatur.idempotency_key (tenant_id, principal_id, operation, key, request_hash, proposal_id, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1, $2, $3, $4, $5::uuid, exequatur.clock()) ON CONFLICT DO NOTHING RETURNING 1`,
    [claim.principalId, claim.operation, key, requestHash, claim.proposalId],
  );
  if (ours.length === 1) return null;
  const [first] = await tx.rows<{ request_hash: string; id: string; status: ProposalStatus; action_type: string }>(
    `SELECT k.request_hash, p.id::text AS id, p.status, p.action_type
       FROM exequatur.idempotency_key k JOIN exequatur.proposal p ON p.tenant_id = k.tenant_id AND p.id = k.proposal_id
      WHERE k.principal_id = $1 AND k.operation = $2 AND k.key = $3`,
    [claim.principalId, claim.operation, key],
  );
  if (first === undefined) throw new Error('an idempotency key is taken, but names no proposal');
  if (first.request_hash !== requestHash) return refuse('idempotency_key_reused');
  return { proposalId: first.id, repeated: true, status: first.status, actionType: first.action_type };
}
