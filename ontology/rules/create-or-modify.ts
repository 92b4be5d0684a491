import type { CompiledRule } from '../compiled-action.ts';
import type { CompiledObjectType } from '../compiled-ontology.ts';
import { groupBy } from '../edit-builder.ts';
import { computeValue } from './compute-values.ts';
import { addCreate, isIdFor, newValues, typeToCreate } from './create.ts';
import type { Pass, Run } from './run.ts';

type CreateOrModify = Extract<CompiledRule, { kind: 'createOrModify' }>;

/** Whether an object is there is one question for all passes of a type, and is read either way: the plan is stale once that changes. */
export async function runCreateOrModify(run: Run, rule: CreateOrModify, passes: readonly Pass[]): Promise<void> {
  const wanted = passes.flatMap((pass) => {
    const type = typeToCreate(run, rule, pass);
    const id = idOf(run, rule, type, pass);
    return id === undefined || !isIdFor(run, type, id, rule.pointer) ? [] : [{ type, id, pass }];
  });
  for (const group of groupBy(wanted, ({ type }) => type.name).values()) {
    const { type } = group[0] as (typeof group)[number];
    const found = await run.recorder.get(
      type.name,
      group.map(({ id }) => id),
    );
    for (const { id, pass } of group) {
      const state = found.get(id);
      if (!state) {
        addCreate(run, type, id, newValues(run, type, [...rule.set, ...rule.create], pass, id), rule.pointer);
        continue;
      }
      for (const assignment of rule.set.filter(({ property }) => property !== type.key)) {
        run.builder.modify(state, assignment.property, computeValue(run, type, assignment, pass, id), assignment.value.pointer);
      }
    }
  }
}

/** Undefined, with a fault, where the object is not named. */
function idOf(run: Run, rule: CreateOrModify, type: CompiledObjectType, pass: Pass): string | undefined {
  const key = rule.set.find(({ property }) => property === type.key);
  const id = key ? computeValue(run, type, key, pass, '') : rule.id?.compute(pass.frame);
  if (typeof id === 'string') {
    return id;
  }
  if (!key) {
    const pointer = rule.id?.pointer ?? rule.pointer;
    run.builder.fault('invalid_value', `${rule.id?.text} names no ${type.name}`, { pointer });
  }
  return undefined;
}
