import type { EntryType } from '../../audit/entry-types.ts';
import type { Fixture } from './fixture.ts';

/**
 * As a worker that skips every question of ours: the door alone decides. `between` happens after the execution began. It tells of the states of which nobody else has told, such
 * as a superuser who moved the proposal, so that whoever verifies the log gets as far as the approvals; and of `settings`, whether it does what they say or not.
 */
export function executePastTheGate(
  fixture: Fixture,
  proposalId: string,
  between: () => Promise<unknown> = async () => undefined,
  settings: readonly EntryType[] = [],
): Promise<void> {
  return fixture.inWorker(async (tx) => {
    await tx.rows('SELECT 1 FROM exequatur.begin_execution($1::uuid, $1::uuid)', [proposalId]);
    await between();
    const [plan] = await tx.rows<{ id: string; digest: string; told: string | null }>(
      `SELECT p.plan_id::text AS id, p.plan_digest AS digest,
              (SELECT e.type FROM exequatur.audit_entry e WHERE e.proposal_id = p.id AND e.type IN ('proposal.simulated', 'proposal.approved') ORDER BY e.seq DESC LIMIT 1) AS told
         FROM exequatur.proposal p WHERE p.id = $1::uuid`,
      [proposalId],
    );
    const tell = (from: string, status: 'approved' | 'executing') =>
      tx.audit({ type: `proposal.${status}`, proposalId, facts: { from, status } });
    if (plan?.told !== 'proposal.approved') tell('awaiting_approval', 'approved');
    tell('approved', 'executing');
    for (const type of settings) tx.audit({ type, facts: {} });
    tx.audit({
      type: 'proposal.executed',
      proposalId,
      facts: { executionId: proposalId, status: 'executed', planDigest: plan?.digest ?? '' },
    });
    await tx.rows('SELECT exequatur.apply_plan($1::uuid, $2::uuid, $3::jsonb)', [plan?.id, proposalId, JSON.stringify(tx.takeEntries())]);
  });
}
