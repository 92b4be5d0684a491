import { writePlan } from '../../ontology/canonical-plan.ts';
import type { JsonObject } from '../../ontology/json.ts';
import type { Edit } from '../../ontology/plan.ts';
import type { Setting } from '../../ontology/setting-actions.ts';
import { lockProposal } from '../../store/proposal-row.ts';
import { simulateSetting } from '../../store/simulate-setting.ts';
import { storePlan } from '../../store/store-plan.ts';
import type { Fixture } from './fixture.ts';

type SettingEdit = Extract<Edit, { op: 'modify' }>;

/** As a worker would that simulates a change of what governs, and puts into the plan what it likes. */
export async function simulatedFalsely(
  fixture: Fixture,
  proposalId: string,
  setting: Setting,
  falsify: (set: JsonObject, edit: SettingEdit) => void,
): Promise<void> {
  await fixture.inWorker(async (tx) => {
    const proposal = await lockProposal(tx, proposalId);
    const [row] = await tx.rows<{ parameters: string }>('SELECT p.parameters FROM exequatur.proposal p WHERE p.id = $1::uuid', [
      proposalId,
    ]);
    if (proposal === null || row === undefined) throw new Error('no such proposal');
    const outcome = await simulateSetting(tx, setting, { proposal, parameters: row.parameters, asksPeople: false }, fixture.deps);
    if (outcome.kind === 'invalid') throw new Error(JSON.stringify(outcome.faults));
    const { plan, summary, readSet } = outcome.simulation;
    const [edit] = plan.edits;
    if (edit?.op !== 'modify') throw new Error('a change of what governs has one edit');
    falsify(edit.set as JsonObject, edit);
    const { requirement } = plan.header;
    const stored = await storePlan(tx, proposal, { written: writePlan(plan), edits: 1, requirement, summary, readSet });
    const values = [proposalId, stored.id, stored.digest];
    await tx.rows(
      "UPDATE exequatur.proposal SET status = 'awaiting_approval', plan_id = $2::uuid, plan_digest = $3 WHERE id = $1::uuid",
      values,
    );
    const facts = {
      from: 'simulating',
      status: 'awaiting_approval',
      planDigest: stored.digest,
      requirement: requirement as unknown as JsonObject,
    };
    tx.audit({ type: 'proposal.simulated', proposalId, facts });
    await tx.rows("UPDATE exequatur.proposal SET status = 'approved' WHERE id = $1::uuid", [proposalId]);
    tx.audit({ type: 'proposal.approved', proposalId, facts: { from: 'awaiting_approval', status: 'approved' } });
  });
}
