import { canonicalText } from './canonical-json.ts';
import { actionTypeIn, type ChangeSetParameters } from './change-set.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import { checkInSet, effectInSet } from './effects-in-set.ts';
import { faultsOf } from './evaluate.ts';
import { compareText, pointerTo } from './json.ts';
import { netEdits } from './net-edits.ts';
import { OverlaySnapshot, overlaid } from './overlay-snapshot.ts';
import { type PerformedAction, performAction } from './perform-action.ts';
import type { Fault, Plan, PlanSummary, ReadColumns, ReadSet, SimulationOutcome } from './plan.ts';
import { ReadRecorder } from './read-recorder.ts';
import { refuse } from './refusal.ts';
import { combineRequirements, whyAsked } from './resolve-requirement.ts';
import type { EvaluationContext } from './rules/run.ts';
import { slotsTaken } from './slots-in-edits.ts';
import type { Snapshot } from './snapshot.ts';
import { summariseChoice, summarisePlan } from './summarise-plan.ts';

/**
 * Computes the one plan of a change set: each action sees what those before it would do, and the edits are what all of them come to. As pure as `evaluate`. A fault says
 * by its pointer in which action it is; the first action that cannot be planned ends the evaluation.
 * @throws when an action type is unknown, and whatever the snapshot throws; never for a refusal.
 */
export async function evaluateChangeSet(
  ontology: CompiledOntology,
  name: string,
  parameters: ChangeSetParameters,
  snapshot: Snapshot,
  context: EvaluationContext,
): Promise<SimulationOutcome> {
  const whole = actionTypeIn(ontology, name);
  if (!whole) throw new Error(`the compiled ontology has not all of ${name}`);
  const asked = new ReadRecorder(snapshot);
  const overlay = new OverlaySnapshot(ontology, snapshot, asked);
  const reads = new Reads();
  const done: PerformedAction[] = [];
  try {
    for (const [index, { actionType, parameters: own }] of parameters.actions.entries()) {
      const action = ontology.actionTypes.get(actionType);
      if (!action) throw new Error(`the compiled ontology has no action type ${actionType}`);
      const recorder = new ReadRecorder(overlay);
      try {
        const performed = await performAction({
          ...{ ontology, action, parameters: own, recorder },
          context: { ...context, revisionSeed: `${context.revisionSeed}.${index}` },
        });
        // A later action would read it.
        if (slotsTaken(performed.edits).size > 0)
          throw refuse('invalid_value', `${actionType} writes what only an answer will say, which is done by itself alone`);
        done.push(performed);
        for (const edit of performed.edits) 'link' in edit ? overlay.layLink(edit) : await overlay.lay(edit);
      } catch (error) {
        throw within(index, error);
      } finally {
        reads.add(await recorder.readSet());
      }
    }
    const edits = netEdits(ontology, overlay, asked);
    reads.add(await asked.readSet());
    const verdicts = done.flatMap((one, index) =>
      one.verdicts.map((verdict) => ({ ...verdict, pointer: `${pointerTo('/actions', index)}${verdict.pointer}` })),
    );
    const outside = done.flatMap((one, index) => one.effects.map((effect) => effectInSet(effect, index)));
    const effects = [...outside.filter(({ phase }) => phase === 'writeBack'), ...outside.filter(({ phase }) => phase === 'sideEffect')];
    const checks = done.flatMap((one, index) => one.checks.map((check) => checkInSet(check, index)));
    const summary: PlanSummary = {
      ...summarisePlan(edits, whole, verdicts, ontology.objectTypes, effects, checks),
      actions: done.map((one) => ({ actionType: one.action.name, edits: one.edits.length, ...summariseChoice(one.chosen) })),
    };
    const requirement = combineRequirements(done, summary, whole.policyName);
    const plan: Plan = {
      header: {
        format: 1,
        tenant: context.tenant,
        actionType: name,
        actionTypeVersion: context.actionTypeVersion,
        functions: Object.assign({}, ...done.map(({ functions }) => functions)),
        effects,
        ...(checks.length > 0 ? { checks } : {}),
        requirement,
        policies: [...new Set(done.map(({ action }) => action.policyName))].sort(compareText),
        actions: done.map(({ action, chosen }) => ({ actionType: action.name, ...chosen })),
      },
      parametersText: canonicalText(parameters),
      edits,
    };
    const reasons = whyAsked(requirement, done, summary);
    return { kind: 'planned', simulation: { plan, readSet: reads.with(await asked.readSet()), summary, ...reasons } };
  } catch (error) {
    const faults = error instanceof Invalid ? error.faults : faultsOf(error);
    if (!faults) throw error;
    return { kind: 'invalid', faults, readSet: reads.with(await asked.readSet()) };
  }
}

class Invalid extends Error {
  readonly faults: Fault[];

  constructor(faults: Fault[]) {
    super('an action of the set cannot be planned');
    this.faults = faults;
  }
}

/** Says in which action a fault is; pointers into parameters are those of the change set. */
function within(index: number, error: unknown): unknown {
  const faults = faultsOf(error);
  if (!faults) return error;
  return new Invalid(
    faults.map(({ pointer = '', ...fault }) => ({
      ...fault,
      pointer: `${pointerTo(pointer.startsWith('/parameters') ? '/parameters/actions' : '/actions', index)}${pointer}`,
      message: `action ${index + 1}: ${fault.message}`,
    })),
  );
}

/** What all actions read of the database itself: a snapshot gives one version of each, whoever asks. */
class Reads {
  private readonly columns = new Map<string, Map<string, [id: string, property: string, version: number]>>();
  private readonly counters: Record<string, number> = {};

  /** Queries are left out: what they selected includes what is only overlaid. Those that reached the database were recorded there. */
  add({ reads, counters }: ReadSet): void {
    Object.assign(this.counters, counters);
    for (const { type, ids, properties, versions } of reads) {
      const known = this.columns.get(type) ?? new Map();
      this.columns.set(type, known);
      for (const [at, id] of ids.entries()) {
        const [property = '', version = overlaid] = [properties[at], versions[at]];
        if (version !== overlaid) known.set(`${property}\n${id}`, [id, property, version]);
      }
    }
  }

  with({ queries, counters }: ReadSet): ReadSet {
    const reads = [...this.columns].map(([type, entries]): ReadColumns => {
      const all = [...entries.values()];
      return {
        type,
        ids: all.map(([id]) => id),
        properties: all.map(([, property]) => property),
        versions: all.map(([, , version]) => version),
      };
    });
    return {
      counters: { ...this.counters, ...counters },
      reads: reads.filter(({ ids }) => ids.length > 0).sort((left, right) => compareText(left.type, right.type)),
      queries,
    };
  }
}
