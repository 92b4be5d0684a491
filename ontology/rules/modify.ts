import type { CompiledRule } from '../compiled-action.ts';
import type { JsonValue } from '../json.ts';
import { computeValue } from './compute-values.ts';
import { objectType, type Pass, type Run, statesFrom } from './run.ts';

export async function runModify(run: Run, rule: Extract<CompiledRule, { kind: 'modify' }>, passes: readonly Pass[]): Promise<void> {
  const states = await statesFrom(run, rule.type, rule.object, passes);
  for (const [at, state] of states.entries()) {
    const pass = passes[at] as Pass;
    const type = objectType(run, state.type);
    for (const assignment of rule.set) {
      const value: JsonValue | undefined = computeValue(run, type, assignment, pass, state.id);
      run.builder.modify(state, assignment.property, value, assignment.value.pointer);
    }
    for (const property of rule.unset) {
      run.builder.modify(state, property, undefined, rule.pointer);
    }
  }
}
