import { admitParameters } from './admit-parameters.ts';
import type { CompiledActionType, CompiledOntology } from './compiled-ontology.ts';
import { faultsOf } from './evaluate.ts';
import type { JsonObject } from './json.ts';
import { judgeCriteria } from './judge-criteria.ts';
import { loadParameters } from './parameter-frame.ts';
import type { Fault } from './plan.ts';
import type { Principal } from './principal.ts';
import { ReadRecorder } from './read-recorder.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * Says whether time alone can make a criterion fail, or what is asked of a parameter. Everything else that criteria depend on is in the read set: while that is fresh, their answers are what they
 * were, and asking again would be a cost without a question.
 */
export function mayLapse(action: CompiledActionType): boolean {
  return action.compiled.criteriaAskTime;
}

/**
 * Asks an action's criteria, and what it asks of parameters, again with the present time as `evaluatedAt`, over what the snapshot shows, and computes nothing else:
 * what was filled in stays what it was in the plan. Returns what fails; nothing when all of them hold. Pure.
 * @throws whatever the snapshot throws.
 */
export async function recheckCriteria(
  ontology: CompiledOntology,
  action: CompiledActionType,
  parameters: JsonObject,
  snapshot: Snapshot,
  { proposer, evaluatedAt, now }: { proposer: Principal; evaluatedAt: string; now: string },
): Promise<Fault[]> {
  try {
    const recorder = new ReadRecorder(snapshot);
    const loaded = await loadParameters({ ontology, action, parameters, recorder, context: { proposer, evaluatedAt } });
    judgeCriteria(action, admitParameters(action, loaded, now).frame);
    return [];
  } catch (error) {
    const faults = faultsOf(error);
    if (!faults) {
      throw error;
    }
    return faults;
  }
}
