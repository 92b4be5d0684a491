import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type AuditEntry, auditEntry } from '../../audit/entry.ts';

const perCall = 1_400;
const stage = (role: string) => ({
  name: role,
  thresholds: [{ name: role, needed: 1, toleratedDenials: 0, reviewers: `'${role}' in reviewer.roles` }],
});
const requirement = {
  policy: 'two-stage',
  automatic: false,
  stages: [stage('duty-manager'), stage('safety-officer')],
  distinctReviewers: true,
  expiresAfter: 'P1D',
};

/**
 * Appends entries to a tenant's log as lifecycles leave them, seven to a proposal, through the function that writes all entries: a plan that two stages are asked for, two
 * reviews, and an execution that tells of both as the door does, so that the verifier judges each. Triggers are off, since there are no rows behind them. @returns the
 * tenant's id.
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
  const [ofManager, ofOfficer] = [randomUUID(), randomUUID()];
  const review = (reviewId: string, reviewer: string) =>
    auditEntry({
      type: 'review.recorded',
      proposalId,
      facts: { reviewId, decision: 'approve', planDigest },
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
    move('proposal.simulated', 'awaiting_approval', { from: 'simulating', planDigest, requirement }),
    review(ofManager, 'duty-manager-1'),
    review(ofOfficer, 'safety-officer'),
    move('proposal.approved', 'approved'),
    move('proposal.executing', 'executing'),
    move('proposal.executed', 'executed', {
      planDigest,
      executionId: randomUUID(),
      edits: 3,
      requirement,
      approvals: [
        { review: ofManager, person: 1, roles: ['duty-manager'] },
        { review: ofOfficer, person: 2, roles: ['safety-officer'] },
      ],
    }),
  ];
}
