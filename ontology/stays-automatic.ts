import { admitsProposer } from './admits-proposer.ts';
import { actionTypeIn } from './change-set.ts';
import type { CompiledActionType, CompiledOntology } from './compiled-ontology.ts';
import type { JsonObject } from './json.ts';
import type { Edit } from './plan.ts';
import type { PlannedEffect } from './planned-effect.ts';
import type { Principal } from './principal.ts';
import { isWithinAutomatic } from './resolve-requirement.ts';
import { summarisePlan } from './summarise-plan.ts';

/** What takes back an execution that policy alone had approved. */
interface Revert {
  /** As it was defined then. */
  action: CompiledActionType;
  parameters: JsonObject;
  edits: readonly Edit[];
  effects: readonly PlannedEffect[];
  proposer: Principal;
}

/** Whether policy alone may approve this revert: only where it might approve by `ontology`, the one in force, that this proposer does the action itself. */
export function staysAutomatic({ action, parameters, edits, effects, proposer }: Revert, ontology: CompiledOntology): boolean {
  const current = actionTypeIn(ontology, action.name);
  if (current === undefined || !admitsProposer(current.definition.proposers ?? null, proposer)) return false;
  // What the condition asked about is no longer as it was, so another one cannot be asked.
  if (current.policy.automatic?.condition !== action.policy.automatic?.condition) return false;
  const summary = summarisePlan(edits.map(takenBack), action, [], ontology.objectTypes, effects);
  return [action, current].every((one) => isWithinAutomatic(one, parameters, summary));
}

/** Of what the execution created, policy answers for the properties that it has; a deletion by itself touches all of its type. */
function takenBack(edit: Edit): Edit {
  return edit.op === 'delete' ? { op: 'create', type: edit.type, id: edit.id, set: edit.before } : edit;
}
