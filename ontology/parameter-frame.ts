import { toCel } from './cel/cel-values.ts';
import type { Frame } from './cel/expression.ts';
import type { JsonValue } from './json.ts';
import { refuse } from './refusal.ts';
import { type EvaluationContext, type Run, viewOf } from './rules/run.ts';

/** What of an evaluation the frame is made from. */
export type FrameRun = Pick<Run, 'ontology' | 'action' | 'parameters' | 'recorder'> & {
  context: Pick<EvaluationContext, 'proposer' | 'evaluatedAt'>;
};

/** The variables that every expression of the action sees. Referenced objects are loaded, and their existence thereby read. */
export async function parameterFrame(run: FrameRun): Promise<Frame> {
  const { proposer, evaluatedAt } = run.context;
  const frame = Object.create(null) as Frame;
  frame.proposer = { id: proposer.id, kind: proposer.kind, roles: [...proposer.roles] };
  frame.evaluatedAt = new Date(evaluatedAt);
  for (const [name, variable] of run.action.compiled.variables) {
    const definition = run.action.definition.parameters[name];
    const value = run.parameters[name];
    frame[variable.name] = null;
    if (!definition || value === undefined) {
      continue;
    }
    if (definition.type === 'reference') {
      frame[variable.name] = viewOf(run, variable, (await loadReferences(run, name, definition.to, [value as string]))[0] as never);
    } else if (definition.type !== 'array') {
      frame[variable.name] = toCel(definition, value);
    } else if (definition.items.type === 'reference') {
      const states = await loadReferences(run, name, definition.items.to, value as string[]);
      frame[variable.name] = variable.isUsed ? states.map((state) => viewOf(run, variable, state)) : null;
    } else if (variable.isUsed) {
      const { items } = definition;
      frame[variable.name] = (value as JsonValue[]).map((item) => toCel(items, item));
    }
  }
  return frame;
}

/** The same values at another instant. */
export function frameAt(frame: Frame, instant: string): Frame {
  const later = Object.create(frame) as Frame;
  later.evaluatedAt = new Date(instant);
  return later;
}

async function loadReferences(run: FrameRun, parameter: string, type: string, ids: readonly string[]) {
  const found = await run.recorder.get(type, ids);
  return ids.map((id) => {
    const state = found.get(id);
    if (!state) {
      throw refuse('unknown_reference', `there is no ${type} ${id}`, { pointer: `/parameters/${parameter}`, objects: [{ type, id }] });
    }
    return state;
  });
}
