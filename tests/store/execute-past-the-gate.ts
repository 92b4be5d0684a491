import type { Fixture } from './fixture.ts';

/**
 * As a worker that skips every question of ours: the door alone decides. `between` happens after the execution began. `told` is where the proposal stands by the log, which a
 * superuser who moved it has not written to.
 */
export function executePastTheGate(
  fixture: Fixture,
  proposalId: string,
  between: () => Promise<unknown> = async () => undefined,
  told: 'awaiting_approval' | 'approved' = 'awaiting_approval',
): Promise<void> {
  return fixture.inWorker(async (tx) => {
    await tx.rows('SELECT 1 FROM exequatur.begin_execution($1::uuid, $1::uuid)', [proposalId]);
    await between();
    const [plan] = await tx.rows<{ id: string; digest: string }>(
      'SELECT p.plan_id::text AS id, p.plan_digest AS digest FROM exequatur.proposal p WHERE p.id = $1::uuid',
      [proposalId],
    );
    // The states of which nobody else has told, so that whoever verifies the log gets as far as the approvals.
    const tell = (from: string, status: string) => tx.audit({ type: `proposal.${status}`, proposalId, facts: { from, status } });
    if (told === 'awaiting_approval') tell('awaiting_approval', 'approved');
    tell('approved', 'executing');
    tx.audit({
      type: 'proposal.executed',
      proposalId,
      facts: { executionId: proposalId, status: 'executed', planDigest: plan?.digest ?? '' },
    });
    await tx.rows('SELECT exequatur.apply_plan($1::uuid, $2::uuid, $3::jsonb)', [plan?.id, proposalId, JSON.stringify(tx.takeEntries())]);
  });
}
