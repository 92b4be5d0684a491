import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type AuditEntry, auditEntry } from '../../audit/entry.ts';

const perCall = 1_400;

/**
 * Appends entries to a tenant's log as lifecycles leave them, seven to a proposal, through the function that writes all entries; of reviews that there are not, so triggers are
 * off, and the verifier judges no approvals. @returns the tenant's id.
 */
export async function tenantWithLog(superuser: pg.Pool, slug: string, entries: number): Promise<string> {
  const { rows } = await superuser.query<{ id: string }>('SELECT exequatur.ensure_tenant($1, $1) AS id', [slug]);
  const tenant = rows[0]?.id ?? '';
  for (let done = 0; done < entries; done += perCall) {
    const some: AuditEntry[] = [];
    while (some.length < Math.min(perCall, entries - done)) some.push(...lifecycle());
    const text = JSON.stringify(some.slice(0, entries - done));
    await superuser.query(
      "SELECT exequatur.append_entries($2::jsonb) FROM set_config('app.tenant', $1, false) t, set_config('session_replication_role', 'replica', false) r",
      [tenant, text],
    );
  }
  return tenant;
}

function lifecycle(): AuditEntry[] {
  const proposalId = randomUUID();
  const planDigest = `sha256:${createHash('sha256').update(proposalId).digest('hex')}`;
  const move = (type: string, status: string, more = {}) => auditEntry({ type, proposalId, facts: { status, revision: 1, ...more } });
  const review = (reviewer: string) =>
    auditEntry({
      type: 'review.recorded',
      proposalId,
      facts: { reviewId: randomUUID(), decision: 'approve', planDigest },
      personal: { reviewer, reason: 'As agreed with crew control.' },
    });
  const created = auditEntry({
    type: 'proposal.created',
    proposalId,
    facts: { status: 'simulating', actionType: 'delayFlights', version: 1 },
    personal: { proposer: 'ops-agent', justification: 'The crew of the flight is late.' },
  });
  return [
    created,
    move('proposal.simulated', 'awaiting_approval', { from: 'simulating', planDigest, requirementDigest: planDigest }),
    review('duty-manager-1'),
    review('safety-officer'),
    move('proposal.approved', 'approved'),
    move('proposal.executing', 'executing'),
    move('proposal.executed', 'executed', { planDigest, executionId: randomUUID(), edits: 3, approvals: null }),
  ];
}
