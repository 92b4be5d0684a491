import { canonicalText } from './canonical-json.ts';
import { isChangeSet, membersOf, mostActions, mostMembers } from './change-set.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import { pointerTo } from './json.ts';
import { type ParametersOutcome, parseParameters } from './parameters.ts';
import type { Fault } from './plan.ts';

/** Checks the parameters of an action, or of all actions of a change set. */
export function parseFor(ontology: CompiledOntology, actionType: string, json: unknown): ParametersOutcome {
  return isChangeSet(actionType) ? parseChangeSet(ontology, membersOf(actionType), json) : parseParameters(ontology, actionType, json);
}

/** Checks the actions of a change set, each like one that is proposed by itself. Pointers begin with `/parameters/actions/<n>`. */
function parseChangeSet(ontology: CompiledOntology, members: readonly string[], json: unknown): ParametersOutcome {
  const listed = (json as { actions?: unknown } | null)?.actions;
  if (!Array.isArray(listed) || Object.keys(json as object).length !== 1)
    return refused('/parameters', 'is {"actions": [...]}, and nothing else');
  if (listed.length === 0 || listed.length > mostActions) return refused('/parameters/actions', `holds 1 to ${mostActions} actions`);
  if (members.length > mostMembers) return refused('/parameters/actions', `is of at most ${mostMembers} action types`);
  const faults: Fault[] = [];
  const actions = listed.map((one: unknown, index) => {
    const { actionType, parameters } = (typeof one === 'object' && one !== null ? one : {}) as {
      actionType?: unknown;
      parameters?: unknown;
    };
    const at = pointerTo('/parameters', 'actions', index);
    if (typeof actionType !== 'string' || !members.includes(actionType)) {
      faults.push({ code: 'unknown_action_type', pointer: `${at}/actionType`, message: `is none of ${members.join(', ')}` });
      return null;
    }
    const parsed = parseParameters(ontology, actionType, parameters ?? {});
    if (!parsed.ok) faults.push(...parsed.faults.map((fault) => ({ ...fault, pointer: `${at}${fault.pointer ?? '/parameters'}` })));
    return parsed.ok ? { actionType, parameters: parsed.parameters } : null;
  });
  const stored = { actions: actions.filter((action) => action !== null) };
  return faults.length > 0
    ? { ok: false, faults: faults.slice(0, mostFaults) }
    : { ok: true, parameters: stored, text: canonicalText(stored) };
}

const mostFaults = 50;

function refused(pointer: string, message: string): ParametersOutcome {
  return { ok: false, faults: [{ code: 'invalid_parameters', pointer, message }] };
}
