import { changeSetName } from '../../../ontology/change-set.ts';
import { compileOntology } from '../../../ontology/compile-ontology.ts';
import { evaluate } from '../../../ontology/evaluate.ts';
import { evaluateChangeSet } from '../../../ontology/evaluate-change-set.ts';
import type { JsonObject } from '../../../ontology/json.ts';
import type { MemorySnapshot } from '../../../ontology/memory-snapshot.ts';
import { parseParameters } from '../../../ontology/parameters.ts';
import type { Edit } from '../../../ontology/plan.ts';
import { Dice } from '../random-numbers.ts';
import { context, same, snapshotOf } from './agreement.ts';
import { randomParameters, randomState, randomWorld, withReplacing } from './generator.ts';
import { toDocument } from './to-document.ts';
import type { Action } from './world.ts';

/** How many change sets were planned, how many refused, how many edits of single actions became fewer of the whole, and how many objects were deleted and created again. */
export interface SetTally {
  sets: number;
  planned: number;
  invalid: number;
  /** Of planned ones: actions that did something. */
  actions: number;
  merged: number;
  recreated: number;
}

export const noSets = (): SetTally => ({ sets: 0, planned: 0, invalid: 0, actions: 0, merged: 0, recreated: 0 });

const statesOfWorld = 4;
const setsOfState = 5;

/** A change set comes to the same objects as its actions one after another, and is refused where one of these is. @throws with the seed where not. */
export async function comeToTheSame(seed: number, tally: SetTally): Promise<void> {
  const world = withReplacing(randomWorld(seed), seed);
  const outcome = compileOntology(toDocument(world));
  if (!outcome.ok) throw new Error(`seed ${seed}: the generated document is refused`);
  const { ontology } = outcome;
  for (let at = 0; at < statesOfWorld; at++) {
    const state = randomState(world, seed * 31 + at);
    for (let turn = 0; state && turn < setsOfState; turn++) {
      const dice = new Dice(seed * 1_009 + at * 17 + turn);
      const drawn = Array.from({ length: 1 + dice.roll(4) }, () => dice.pick(Object.keys(world.actions)));
      const replaced = ['takeAway', ...drawn.slice(0, dice.roll(2)), 'putBack'];
      const actions = (dice.chance(30) ? replaced : drawn).map((actionType) => {
        const definition = world.actions[actionType] as Action;
        const parsed = parseParameters(ontology, actionType, randomParameters(world, state, definition, dice.roll(1_000_000)));
        if (!parsed.ok) throw new Error('generated parameters are refused');
        return { actionType, parameters: parsed.parameters };
      });
      const words = `seed ${seed}, state ${at}, turn ${turn}: ${JSON.stringify(actions)}`;
      const name = changeSetName(actions.map(({ actionType }) => actionType));
      const whole = await evaluateChangeSet(ontology, name, { actions }, snapshotOf(ontology, state), context);
      const serial = snapshotOf(ontology, state);
      const single = await oneAfterAnother(serial, actions);
      tally.sets++;
      if ((whole.kind === 'invalid') !== (single === null))
        throw new Error(`${words}: ${JSON.stringify(whole)} and ${JSON.stringify(single)}`);
      if (whole.kind === 'invalid' || single === null) {
        tally.invalid++;
        continue;
      }
      const { edits } = whole.simulation.plan;
      const set = snapshotOf(ontology, state);
      set.apply(edits);
      same(words, set.describe(), serial.describe());
      tally.planned++;
      tally.actions += single.filter((own) => own.length > 0).length;
      tally.merged += single.flat().length - edits.length;
      tally.recreated += createdAgain(single.flat());
    }
  }
}

/** The edits of each; null where one of them cannot be planned. */
async function oneAfterAnother(
  snapshot: MemorySnapshot,
  actions: readonly { actionType: string; parameters: JsonObject }[],
): Promise<Edit[][] | null> {
  const all: Edit[][] = [];
  for (const [index, { actionType, parameters }] of actions.entries()) {
    const own = { ...context, revisionSeed: `${context.revisionSeed}.${index}` };
    const outcome = await evaluate(snapshot.ontology, actionType, parameters, snapshot, own);
    if (outcome.kind === 'invalid') return null;
    all.push(outcome.simulation.plan.edits);
    snapshot.apply(outcome.simulation.plan.edits);
  }
  return all;
}

/** How many objects an edit deleted and a later one created. */
function createdAgain(edits: readonly Edit[]): number {
  const [deleted, again] = [new Set<string>(), new Set<string>()];
  for (const edit of edits) {
    if (!('type' in edit)) continue;
    const key = `${edit.type} ${edit.id}`;
    if (edit.op === 'delete') deleted.add(key);
    if (edit.op === 'create' && deleted.has(key)) again.add(key);
  }
  return again.size;
}
