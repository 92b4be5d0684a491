import type { Actor } from '../ontology/authority.ts';
import type { JsonObject } from '../ontology/json.ts';
import type { ObjectEdit } from '../ontology/plan.ts';
import type { Setting } from '../ontology/setting-actions.ts';
import { type NewStanding, planStanding } from './change-principal.ts';
import { type OntologyChangeParameters, planOntologyChange, planOntologyRevert } from './plan-ontology-change.ts';
import { type PolicyChangeParameters, planPolicyChange, planPolicyRevert } from './plan-policy-change.ts';
import { planSwitchOn, type SwitchOnParameters } from './plan-switch-on.ts';
import { type NewDelegation, planDelegation } from './put-delegation.ts';
import { type NewSubscription, planSubscription } from './put-subscription.ts';
import { readEdits } from './read-plan.ts';
import type { PlannedSetting } from './setting-plan.ts';
import type { Sql, Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

export interface SettingQuestion {
  setting: Setting;
  parameters: JsonObject;
  /** The execution that is to be taken back. */
  revertOf: string | null;
  proposer: Actor;
}

/** Works a change of what governs out against what is in force: the API when it is proposed, the worker when it is simulated. Reads alone. */
export async function planSetting(
  tx: Tx,
  { setting, parameters, revertOf, proposer }: SettingQuestion,
  deps: Pick<StoreDeps, 'decide' | 'ontologies' | 'policies'>,
): Promise<PlannedSetting> {
  if (revertOf !== null) return planRevert(tx, setting, revertOf, proposer, deps);
  switch (setting) {
    case 'ontology':
      return planOntologyChange(tx, parameters as unknown as OntologyChangeParameters, proposer.id, deps);
    case 'policies':
      return planPolicyChange(tx, parameters as unknown as PolicyChangeParameters, proposer, deps);
    case 'switches':
      return planSwitchOn(tx, parameters as unknown as SwitchOnParameters);
    case 'delegations':
      return planDelegation(tx, parameters as unknown as NewDelegation);
    case 'subscriptions':
      return planSubscription(tx, parameters as unknown as NewSubscription);
    case 'principals':
      return planStanding(tx, parameters as unknown as NewStanding, deps);
  }
}

async function planRevert(
  tx: Tx,
  setting: Setting,
  executionId: string,
  proposer: Actor,
  deps: Pick<StoreDeps, 'decide' | 'ontologies' | 'policies'>,
): Promise<PlannedSetting> {
  const { set, before } = await readSettingEdit(tx, executionId);
  switch (setting) {
    case 'ontology':
      return planOntologyRevert(tx, set, before, proposer.id, deps);
    case 'policies':
      return planPolicyRevert(tx, set, before, proposer, deps);
    case 'switches':
    case 'delegations':
      return { kind: 'invalid', faults: [{ code: 'not_revertible', message: 'switch it off, or revoke it' }] };
    case 'subscriptions':
      return { kind: 'invalid', faults: [{ code: 'not_revertible', message: 'set it as it was, or remove it' }] };
    case 'principals':
      return { kind: 'invalid', faults: [{ code: 'not_revertible', message: 'say of them what was said before' }] };
  }
}

/** The one edit of an executed change. */
async function readSettingEdit(tx: Sql, executionId: string): Promise<{ before: JsonObject; set: JsonObject }> {
  const [row] = await tx.rows<{ plan: string }>('SELECT x.plan_id::text AS plan FROM exequatur.execution x WHERE x.id = $1::uuid', [
    executionId,
  ]);
  if (row === undefined) throw new Error('a revert names an execution that is not there');
  return readPlannedEdit(tx, row.plan);
}

/** The same of a plan that is not executed yet. */
export async function readPlannedEdit(tx: Sql, planId: string): Promise<{ id: string; before: JsonObject; set: JsonObject }> {
  const [edit] = await readEdits(tx, planId, 0, 1);
  if (edit?.op !== 'modify') throw new Error('a change of what governs has one edit');
  const { id, before, set } = edit satisfies ObjectEdit;
  return { id, before: before as JsonObject, set: (set ?? {}) as JsonObject };
}
