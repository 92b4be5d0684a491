import { fits, objectCelType, timestampType } from './cel/cel-types.ts';
import { type Scope, Vocabulary } from './cel/scope.ts';
import { checkDefault, checkValueDefinition } from './check-value-definition.ts';
import { compileSetFilter } from './compile-set-filter.ts';
import type { CompiledParameter } from './compiled-action.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import type { OntologyDocument, ParameterDefinition } from './definition.ts';
import type { FaultList } from './fault-list.ts';
import { pointerTo } from './json.ts';
import { parameterCelType, referredType, shapeOf } from './parameter-shape.ts';
import { boolean, type Expected, expression, type RuleContext, typesNamed } from './rule-context.ts';

/** Names that every expression of an action already has. */
const givenNames = new Set(['proposer', 'evaluatedAt', 'given', 'plan', 'reviewer', 'id']);

/** Checks parameters on their own: names, shapes and defaults. */
export function checkParameters(document: OntologyDocument, faults: FaultList): void {
  const words = new Vocabulary(new Map()).root;
  const isVariableName = (name: string): boolean => {
    try {
      words.clone().parse(name); // The library knows which words it keeps for itself.
      return true;
    } catch {
      return false;
    }
  };
  for (const [name, action] of Object.entries(document.actionTypes ?? {})) {
    for (const [parameter, definition] of Object.entries(action.parameters)) {
      const pointer = pointerTo('/actionTypes', name, 'parameters', parameter);
      if (givenNames.has(parameter) || !isVariableName(parameter)) {
        faults.add(pointer, 'is a word of the expression language');
      }
      if (definition.type !== 'objectSet') {
        checkValueDefinition(document, definition, pointer, faults, 'parameter');
      } else if (!Object.hasOwn(document.objectTypes, definition.of)) {
        faults.addAt(pointer, ['of'], `there is no object type ${definition.of}`);
      }
      checkStructs(document, definition, pointer, faults);
      if (definition.prefill !== undefined && (definition.default !== undefined || definition.type === 'objectSet')) {
        const message =
          definition.default === undefined ? 'is for values, and a set is a filter' : 'would never be computed beside a default';
        faults.addAt(pointer, ['prefill'], message);
      }
      if (faults.isEmpty) {
        checkDefault(shapeOf(document, definition), definition.default, pointer, faults);
      }
    }
  }
}

/** Inside a struct a reference is an id, which of an interface would not say enough. */
function checkStructs(document: OntologyDocument, definition: ParameterDefinition, pointer: string, faults: FaultList): void {
  const value = definition.type === 'array' ? definition.items : definition;
  for (const [name, field] of value.type === 'struct' ? Object.entries(value.properties) : []) {
    const target = referredType(field);
    if (target !== undefined && Object.hasOwn(document.interfaces ?? {}, target)) {
      faults.addAt(
        pointer,
        [...(definition.type === 'array' ? ['items'] : []), 'properties', name, 'to'],
        `there is no object type ${target}`,
      );
    }
    checkStructs(document, field, pointerTo(pointer, ...(definition.type === 'array' ? ['items'] : []), 'properties', name), faults);
  }
}

/** Filters are compiled over a whole ontology, so those that stand in the document come last. */
export function checkDefaultFilters(ontology: CompiledOntology, faults: FaultList): void {
  for (const [name, { definition }] of ontology.actionTypes) {
    for (const [parameter, { type, default: own, ...rest }] of Object.entries(definition.parameters)) {
      const filter = type === 'objectSet' ? (own as { filter: string } | undefined)?.filter : undefined;
      const outcome = filter === undefined || !('of' in rest) ? undefined : compileSetFilter(ontology, rest.of, filter);
      for (const message of outcome && 'refused' in outcome ? outcome.refused : []) {
        faults.add(pointerTo('/actionTypes', name, 'parameters', parameter, 'default', 'filter'), message);
      }
    }
  }
}

export interface CompiledParameters {
  parameters: Map<string, CompiledParameter>;
  /** What criteria and rules see. `evaluatedAt` is used in it where what is asked of a parameter mentions it. */
  scope: Scope;
}

/** Brings parameters into scope and compiles what is asked of them. What fills a parameter in sees only those that nothing fills in, so there is no order to get wrong. */
export function compileParameters(context: RuleContext, document: OntologyDocument, empty: Scope, base: string): CompiledParameters {
  const all = Object.entries(context.action.parameters);
  const declare = (scope: Scope, named: typeof all) =>
    named.reduce((outer, [name, definition]) => outer.with(name, parameterCelType(definition), plainValue(definition)), scope);
  const plain = declare(
    empty,
    all.filter(([, definition]) => definition.prefill === undefined),
  );
  const prefilling = plain.with('proposer', 'principal').with('evaluatedAt', timestampType);
  const parametersScope = declare(
    plain,
    all.filter(([, definition]) => definition.prefill !== undefined),
  );
  const scope = parametersScope.with('proposer', 'principal').with('evaluatedAt', timestampType).with('given', 'list<string>');
  const parameters = new Map<string, CompiledParameter>();
  for (const [name, definition] of all) {
    const pointer = pointerTo(base, name);
    const optional = (word: 'visibleWhen' | 'requiredWhen') =>
      definition[word] === undefined ? undefined : expression(context, scope, definition[word], pointerTo(pointer, word), boolean);
    const prefill =
      definition.prefill === undefined
        ? undefined
        : expression(context, prefilling, definition.prefill, pointerTo(pointer, 'prefill'), aValueOf(context, definition));
    const visibleWhen = optional('visibleWhen');
    const requiredWhen = optional('requiredWhen');
    const constraints = (definition.constraints ?? []).flatMap(({ condition: source, message }, at) => {
      const condition = expression(context, scope, source, pointerTo(pointer, 'constraints', at, 'condition'), boolean);
      return condition ? [{ condition, message }] : [];
    });
    parameters.set(name, {
      variable: scope.variable(name),
      definition,
      shape: shapeOf(document, definition),
      constraints,
      ...(prefill ? { prefill } : {}),
      ...(visibleWhen ? { visibleWhen } : {}),
      ...(requiredWhen ? { requiredWhen } : {}),
    });
  }
  return { parameters, scope };
}

function plainValue(definition: ParameterDefinition) {
  return definition.type === 'array' || definition.type === 'objectSet' ? undefined : definition;
}

function aValueOf(context: RuleContext, definition: ParameterDefinition): Expected {
  if (definition.type === 'objectSet') {
    return { type: () => false, words: 'given' };
  }
  const target = referredType(definition);
  if (target === undefined || context.types.objectTypes.has(target)) {
    return { type: (celType) => fits(celType, definition), words: `a value of type ${definition.type}` };
  }
  const objects = [target, ...typesNamed(context.types, target).map((type) => type.name)].map(objectCelType);
  const allowed = new Set([...(definition.type === 'array' ? objects.map((type) => `list<${type}>`) : objects), 'dyn', 'null']);
  return { type: (celType) => allowed.has(celType), words: `a ${target}` };
}
