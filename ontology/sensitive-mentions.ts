import type { Variable } from './cel/scope.ts';
import type { CompiledRule } from './compiled-action.ts';
import type { ActionTypeDefinition } from './definition.ts';
import { flattenRules } from './derive-surface.ts';
import { compareText } from './json.ts';
import { type Types, typesNamed } from './rule-context.ts';

/** The sensitive properties and parameters among what these variables were asked for: `type.property`, or `parameters.name`. */
export function sensitiveMentions(action: ActionTypeDefinition, types: Types, variables: Iterable<Variable>): string[] {
  const found = new Set<string>();
  for (const { name, isUsed, objectType, mentions } of variables) {
    const given = name.replace(/^_/, '');
    const parameter = Object.hasOwn(action.parameters, given) ? action.parameters[given] : undefined;
    if (isUsed && parameter?.sensitive) found.add(`parameters.${given}`);
    for (const type of objectType === undefined ? [] : typesNamed(types, objectType)) {
      for (const property of mentions) {
        if (type.properties.get(property)?.sensitive) found.add(`${type.name}.${property}`);
      }
    }
  }
  return [...found].sort(compareText);
}

/** The sensitive properties that the rules fill from these slots: who may not read those may not read the answers either. */
export function sensitiveFills(rules: readonly CompiledRule[], types: Types, slots: ReadonlySet<string>): string[] {
  return flattenRules(rules).flatMap((rule) => {
    if (!('set' in rule)) return [];
    const assignments = [...rule.set, ...(rule.kind === 'createOrModify' ? rule.create : [])];
    const filled = assignments.filter(({ value }) => 'slot' in value && slots.has(value.slot)).map(({ property }) => property);
    return typesNamed(types, rule.type).flatMap(({ name, properties }) =>
      filled.filter((property) => properties.get(property)?.sensitive).map((property) => `${name}.${property}`),
    );
  });
}
