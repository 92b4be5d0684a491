import { toCel } from '../cel/cel-values.ts';
import type { CompiledRule } from '../compiled-action.ts';
import type { AnyDefinition } from '../definition.ts';
import type { JsonValue } from '../json.ts';
import type { ObjectState } from '../object-state.ts';
import { referencesIn } from '../parameter-frame.ts';
import { typesNamed } from '../rule-context.ts';
import { countIterations, type Pass, type Run, viewOf } from './run.ts';
import { walkPath } from './walk-path.ts';

type ForEach = Extract<CompiledRule, { kind: 'forEach' }>;

/** The passes of the inner rules: one for each object or item, for each pass around. */
export async function enterLoop(run: Run, rule: ForEach, passes: readonly Pass[]): Promise<Pass[]> {
  const { source, variable } = rule;
  switch (source.kind) {
    case 'list':
      return enterList(run, rule, source.parameter, passes);
    case 'path':
      return enterObjects(run, rule, passes, await walkPath(run, source, passes, rule.pointer));
    case 'query': {
      const types = typesNamed(run.ontology, source.type).map(({ name }) => name);
      const ask = async (pass: Pass) => {
        const where = source.where(pass.frame);
        return (await Promise.all(types.map((type) => run.recorder.query(type, where)))).flat();
      };
      const found = await Promise.all(passes.map(ask));
      countIterations(
        run,
        found.reduce((sum, states) => sum + states.length, 0),
        rule.pointer,
      );
      return enterObjects(run, rule, passes, found, run.ontology.interfaces.has(variable.objectType ?? ''));
    }
  }
}

/** Of an interface the id alone would not tell two objects apart. */
function enterObjects(run: Run, { variable }: ForEach, passes: readonly Pass[], found: readonly ObjectState[][], isMixed = false): Pass[] {
  return passes.flatMap((pass, at) =>
    (found[at] ?? []).map((state) =>
      inner(pass, variable.name, viewOf(run, variable, state), isMixed ? `${state.type}/${state.id}` : state.id),
    ),
  );
}

function inner(pass: Pass, name: string, value: unknown, key: string): Pass {
  const frame = Object.create(pass.frame) as Record<string, unknown>;
  frame[name] = value;
  return { frame, key: `${pass.key}/${key}` };
}

/** Objects that a parameter leads to were loaded with it. */
function enterList(run: Run, rule: ForEach, parameter: string, passes: readonly Pass[]): Pass[] {
  const items = (run.parameters[parameter] ?? []) as JsonValue[];
  const definition = run.action.definition.parameters[parameter];
  if (definition?.type !== 'array' && definition?.type !== 'objectSet') {
    throw new Error(`${parameter} is no list`);
  }
  const of: AnyDefinition = definition.type === 'objectSet' ? { type: 'reference', to: definition.of } : definition.items;
  const values =
    of.type === 'reference'
      ? referencesIn(of, items).map(({ type, id }) => viewOf(run, rule.variable, run.recorder.loaded(type, id) as ObjectState))
      : items.map((item) => toCel(of, item));
  countIterations(run, passes.length * items.length, rule.pointer);
  return passes.flatMap((pass) => values.map((value, at) => inner(pass, rule.variable.name, value, String(at))));
}
