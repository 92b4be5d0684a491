import type { CompiledActionType, CompiledOntology } from './compiled-ontology.ts';
import { faultsOf } from './evaluate.ts';
import type { JsonObject } from './json.ts';
import { judgeCriteria } from './judge-criteria.ts';
import { parameterFrame } from './parameter-frame.ts';
import type { Fault } from './plan.ts';
import type { Principal } from './principal.ts';
import { ReadRecorder } from './read-recorder.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * Says whether time alone can make a criterion fail. Everything else that criteria depend on is in the read set: while that is fresh, their answers are what they
 * were, and asking again would be a cost without a question.
 */
export function mayLapse(action: CompiledActionType): boolean {
  return action.compiled.criteriaAskTime;
}

/**
 * Asks an action's criteria again with the present time as `evaluatedAt`, over what the snapshot shows, and computes nothing else. Returns what fails; nothing when
 * all of them hold. Pure.
 * @throws whatever the snapshot throws.
 */
export async function recheckCriteria(
  ontology: CompiledOntology,
  action: CompiledActionType,
  parameters: JsonObject,
  snapshot: Snapshot,
  { proposer, now }: { proposer: Principal; now: string },
): Promise<Fault[]> {
  try {
    const recorder = new ReadRecorder(snapshot);
    judgeCriteria(action, await parameterFrame({ ontology, action, parameters, recorder, context: { proposer, evaluatedAt: now } }));
    return [];
  } catch (error) {
    const faults = faultsOf(error);
    if (!faults) {
      throw error;
    }
    return faults;
  }
}
