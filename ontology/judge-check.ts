import type { CompiledActionType, CompiledOntology } from './compiled-ontology.ts';
import { faultsOf } from './evaluate.ts';
import type { JsonObject } from './json.ts';
import { frameAt, loadParameters } from './parameter-frame.ts';
import type { Principal } from './principal.ts';
import { ReadRecorder } from './read-recorder.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * Whether a check over objects holds at the instant `now`: its expression over the parameters, whose objects are those that the snapshot shows. One that cannot be computed, as
 * where an object is gone, does not hold. `parameters` include what was filled in when the plan was made. Pure.
 * @throws when the action has no such check, and whatever the snapshot throws.
 */
export async function judgeCheck(
  ontology: CompiledOntology,
  action: CompiledActionType,
  holds: string,
  parameters: JsonObject,
  snapshot: Snapshot,
  { proposer, evaluatedAt, now }: { proposer: Principal; evaluatedAt: string; now: string },
): Promise<boolean> {
  const compiled = action.compiled.checks.find(({ definition }) => definition.holds === holds)?.holds;
  if (compiled === undefined) throw new Error('a plan has a check that its action type has not');
  try {
    const recorder = new ReadRecorder(snapshot);
    const { frame } = await loadParameters({ ontology, action, parameters, recorder, context: { proposer, evaluatedAt } });
    return compiled.compute(frameAt(frame, now)) === true;
  } catch (error) {
    if (!faultsOf(error)) throw error;
    return false;
  }
}
