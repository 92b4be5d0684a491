import { actionTypeIn } from './change-set.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import type { PropertyDefinition } from './definition.ts';
import { EditBuilder, groupBy, idOfLink, linkKey } from './edit-builder.ts';
import type { DoneEffects } from './effects-in-place.ts';
import { equalJson } from './equal-json.ts';
import { faultsOf } from './evaluate.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { finishEdits } from './perform-action.ts';
import type { Fault, LinkEdit, ResolvedRequirement, SimulationOutcome } from './plan.ts';
import { ReadRecorder } from './read-recorder.ts';
import { revertEffects } from './revert-effects.ts';
import { revertRequirement } from './revert-requirement.ts';
import type { EvaluationContext } from './rules/run.ts';
import { sensitiveByNow } from './sensitive-by-now.ts';
import type { Snapshot } from './snapshot.ts';
import { staysAutomatic } from './stays-automatic.ts';
import { stillFits } from './still-fits.ts';
import { summarisePlan } from './summarise-plan.ts';

/** One row of an execution's history, or what still stands of it. */
export type HistoryChange =
  | {
      op: 'create' | 'modify' | 'delete';
      type: string;
      id: string;
      /** The touched properties that were present; of a delete, all. */
      before: Record<string, JsonValue> | null;
      set: Record<string, JsonValue> | null;
      unset: readonly string[] | null;
      versionAfter: number;
    }
  | { op: 'link' | 'unlink'; link: string; from: string; to: string };

export interface RevertedExecution {
  executionId: string;
  actionType: string;
  actionTypeVersion: number;
  /** As the original's plan resolved it. */
  requirement: ResolvedRequirement;
  /** Line 2 of the original's plan. */
  parametersText: string;
  /** Those that stand. */
  changes: readonly HistoryChange[];
  /** What it did outside, and is still in place. */
  outside?: DoneEffects;
}

/**
 * Computes the plan that takes an execution back: before-images restored, what was created deleted, what was deleted created again. It refuses as a whole, naming
 * the objects, when something the execution wrote has another value now, or when something it created is referred to. A value that was changed and changed back
 * is no conflict; so reverts in reverse order always go through. `original` is the ontology of the execution, from which its action type is taken; what is restored
 * must fit `ontology`, the one in force. With `skipsConflicts` an effect that cannot be taken back any more is told as lasting.
 */
export async function evaluateRevert(
  original: CompiledOntology,
  ontology: CompiledOntology,
  execution: RevertedExecution,
  snapshot: Snapshot,
  context: Pick<EvaluationContext, 'tenant' | 'asksPeople' | 'proposer'> & { skipsConflicts?: boolean },
): Promise<SimulationOutcome> {
  const action = actionTypeIn(original, execution.actionType);
  if (!action) {
    throw new Error(`the compiled ontology has no action type ${execution.actionType}`);
  }
  const recorder = new ReadRecorder(snapshot);
  const builder = new EditBuilder(ontology, recorder, { namesAll: true });
  try {
    await invertObjects(builder, execution.changes);
    await invertLinks(builder, execution.changes);
    refuseMisfits(builder);
    const edits = await finishEdits(builder); // As many as what is taken back, which was within the limits then.
    const { endpoints } = ontology.document;
    const back = revertEffects(execution.outside ?? { effects: [] }, endpoints, context.skipsConflicts);
    const { lasting } = back;
    const effects = sensitiveByNow(back.effects, execution.actionType, original, ontology);
    const parameters = JSON.parse(execution.parametersText) as JsonObject;
    const asksPeople = context.asksPeople || !staysAutomatic({ action, parameters, edits, effects, proposer: context.proposer }, ontology);
    const requirement = revertRequirement(execution.requirement, execution.actionType, original, ontology, edits, asksPeople);
    const plan = {
      header: {
        format: 1 as const,
        tenant: context.tenant,
        actionType: execution.actionType,
        actionTypeVersion: execution.actionTypeVersion,
        functions: {},
        revertOf: execution.executionId,
        effects,
        requirement,
        policies: [requirement.policy],
      },
      parametersText: execution.parametersText,
      edits,
    };
    return {
      kind: 'planned',
      simulation: {
        plan,
        readSet: await recorder.readSet(),
        summary: { ...summarisePlan(edits, action, [], ontology.objectTypes, effects), ...(lasting.length > 0 ? { lasting } : {}) },
      },
    };
  } catch (error) {
    const faults = faultsOf(error);
    if (!faults) {
      throw error;
    }
    // Whatever stands in the way of a revert is a conflict with what happened since; the message says which.
    const conflicts = faults.map((fault): Fault => ({ ...fault, code: 'revert_conflict' }));
    return { kind: 'invalid', faults: conflicts, readSet: await recorder.readSet() };
  }
}

async function invertObjects(builder: EditBuilder, changes: readonly HistoryChange[]): Promise<void> {
  const objects = changes.filter((change): change is Exclude<HistoryChange, { link: string }> => 'type' in change);
  for (const [type, group] of groupBy(objects, (change) => change.type)) {
    const states = await builder.recorder.get(
      type,
      group.map((change) => change.id),
    );
    for (const change of group) {
      const state = states.get(change.id);
      const conflict = (words: string, property?: string) => {
        const object = { type, id: change.id, ...(property === undefined ? {} : { property }) };
        builder.fault('revert_conflict', `${property === undefined ? '' : `${property} of `}${type} ${change.id} ${words}`, {
          objects: [object],
        });
      };
      if (change.op === 'delete') {
        const compiled = builder.ontology.objectTypes.get(type);
        if (state || !compiled) {
          conflict(state ? 'was created again since' : 'is of a type that is gone');
        } else {
          builder.create(compiled, change.id, new Map(Object.entries(change.before ?? {})), '');
        }
      } else if (!state) {
        conflict('was deleted since');
      } else if (change.op === 'create') {
        if (equalJson(state.properties, change.set ?? {})) {
          builder.delete(state, '');
        } else {
          conflict('was changed since');
        }
      } else {
        for (const property of [...Object.keys(change.set ?? {}), ...(change.unset ?? [])]) {
          if (equalJson(state.properties[property], change.set?.[property])) {
            builder.modify(state, property, change.before?.[property], '');
          } else {
            conflict('was changed since', property);
          }
        }
      }
    }
  }
}

async function invertLinks(builder: EditBuilder, changes: readonly HistoryChange[]): Promise<void> {
  const links = changes.filter((change): change is Extract<HistoryChange, { link: string }> => 'link' in change);
  for (const link of new Set(links.map((change) => change.link))) {
    const mine = links.filter((change) => change.link === link);
    const rows = await builder.recorder.peekLinks(
      link,
      'from',
      mine.map((change) => change.from),
    );
    const live = new Set(rows.map(linkKey));
    for (const { op, from, to } of mine) {
      const inverse: LinkEdit = { op: op === 'link' ? 'unlink' : 'link', link, from, to };
      if (live.has(linkKey(inverse)) === (op === 'link')) {
        builder.link(inverse, '');
      } else {
        builder.fault('revert_conflict', `${link} from ${from} to ${to} was changed since`, {
          objects: [{ type: link, id: idOfLink(from, to) }],
        });
      }
    }
  }
}

/** A before-image may be of a time when a property had another type, or was not required yet. */
function refuseMisfits(builder: EditBuilder): void {
  for (const [type, drafts] of builder.drafts) {
    const properties = builder.ontology.objectTypes.get(type)?.properties ?? new Map<string, PropertyDefinition>();
    for (const [id, draft] of drafts) {
      if (draft.op === 'delete') continue;
      for (const [property, value] of draft.values) {
        if (!stillFits(properties.get(property), value)) {
          builder.fault('revert_conflict', `${property} of ${type} ${id} was defined otherwise then`, {
            objects: [{ type, id, property }],
          });
        }
      }
      if (draft.op === 'create' && [...properties].some(([name, { required }]) => required && !draft.values.has(name))) {
        builder.fault('revert_conflict', `${type} ${id} lacks a property that is required now`, { objects: [{ type, id }] });
      }
    }
  }
}
