import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type AuditEntry, auditEntry } from '../../audit/entry.ts';

/** Of one lifecycle, and what those disclose of each of the people in it. */
export const entriesPerLifecycle = 7;
export const disclosuresPerLifecycle = 2;

const perStatement = 200; // Lifecycles: a call of the log's function for each, sent together, since a million entries would wait for as many answers otherwise.
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
 * reviews, and an execution that tells of both as the door does, last in its call, so that the verifier judges each. There are no rows behind them, so triggers are off, and
 * with them what asks whether an entry tells what the rows say; all else that the log asks of an entry is asked. @returns the tenant's id.
 */
export async function tenantWithLog(superuser: pg.Pool, slug: string, entries: number): Promise<string> {
  const { rows } = await superuser.query<{ id: string }>('SELECT exequatur.ensure_tenant($1, $1) AS id', [slug]);
  const tenant = rows[0]?.id ?? '';
  for (let done = 0; done < entries; ) {
    const calls: AuditEntry[][] = [];
    while (calls.length < perStatement && done < entries) {
      const call = lifecycle().slice(0, entries - done);
      calls.push(call);
      done += call.length;
    }
    await superuser.query(
      `SELECT exequatur.append_entries(c.entries)
         FROM set_config('app.tenant', $1, false) t, set_config('session_replication_role', 'replica', false) r, jsonb_array_elements($2::jsonb) c(entries)`,
      [tenant, JSON.stringify(calls)],
    );
  }
  return tenant;
}

function lifecycle(): AuditEntry[] {
  const proposalId = randomUUID();
  const planDigest = `sha256:${createHash('sha256').update(proposalId).digest('hex')}`;
  // One decision for each step, as the log has it: 32 bytes that nobody can tell from others.
  const decided = () => ({ decisions: [randomBytes(32).toString('hex')] });
  const move = (type: string, from: string, status: string, more = {}, decisions = {}) =>
    auditEntry({ type, proposalId, facts: { from, status, revision: 1, ...more }, ...decisions });
  const [ofManager, ofOfficer] = [randomUUID(), randomUUID()];
  const review = (reviewId: string, reviewer: string) =>
    auditEntry({
      type: 'review.recorded',
      proposalId,
      facts: { reviewId, decision: 'approve', planDigest },
      personal: { reviewer, reason: 'As agreed with crew control.' },
      ...decided(),
    });
  const created = auditEntry({
    type: 'proposal.created',
    proposalId,
    facts: { status: 'simulating', actionType: 'delayFlights', version: 1 },
    personal: { proposer: 'ops-agent', justification: 'The crew of the flight is late.' },
    ...decided(),
  });
  return [
    created,
    move('proposal.simulated', 'simulating', 'awaiting_approval', { planDigest, requirement }, decided()),
    review(ofManager, 'duty-manager-1'),
    review(ofOfficer, 'safety-officer'),
    move('proposal.approved', 'awaiting_approval', 'approved'),
    move('proposal.executing', 'approved', 'executing', {}, decided()),
    move('proposal.executed', 'executing', 'executed', {
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
