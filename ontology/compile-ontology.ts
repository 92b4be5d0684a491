import { canonicalText, sha256Hex } from './canonical-json.ts';
import { compilePrincipalExpression } from './cel/principal-expression.ts';
import { Scope, type Variable, Vocabulary } from './cel/scope.ts';
import { nameStructs } from './cel/struct-types.ts';
import { checkSensitiveReaders } from './check-sensitive-readers.ts';
import { checkEndpoints, compileChecks, compileEffects } from './compile-effects.ts';
import { compileInterfaces } from './compile-interfaces.ts';
import { compileLinkTypes } from './compile-link-types.ts';
import { compileObjectTypes } from './compile-object-types.ts';
import { checkDefaultFilters, checkParameters, compileParameters } from './compile-parameters.ts';
import { checkFloors, checkGovernance, checkPolicies, compilePolicy } from './compile-policy.ts';
import { compileRules } from './compile-rules.ts';
import type { CompiledAction } from './compiled-action.ts';
import type { CompiledActionType, CompiledOntology } from './compiled-ontology.ts';
import type { ActionTypeDefinition, ApprovalPolicyDefinition, OntologyDocument, StructDefinition } from './definition.ts';
import { parseDocument } from './definition-schema.ts';
import { deriveCeilings, deriveDefinitionText, deriveFloors, deriveInterfaceLimits } from './derive.ts';
import { deriveSurface } from './derive-surface.ts';
import { FaultList } from './fault-list.ts';
import { compareText, pointerTo } from './json.ts';
import { isEffectFunction, type OntologyFunction, type RegisteredFunction } from './ontology-function.ts';
import { parametersSchema } from './parameters-schema.ts';
import type { Fault } from './plan.ts';
import { boolean, expression, type Types, typesTouched } from './rule-context.ts';
import { sensitiveFills, sensitiveMentions } from './sensitive-mentions.ts';

/** Each is a type of its own to expressions. */
const mostStructs = 2_000;
/** Characters of all action types' texts, each of which holds all that the action touches: a second's work, and some tens of megabytes. */
const mostTouched = 20_000_000;

export type CompileOntologyOutcome = { ok: true; ontology: CompiledOntology } | { ok: false; faults: Fault[] };

/**
 * Checks a whole document: its shape, that every name resolves, and that every expression has the type its place asks for; then derives what the database
 * holds each action type to. Pure and total: whatever the input, it answers with an ontology or with faults that point into it.
 */
export function compileOntology(json: unknown, functions: readonly RegisteredFunction[] = []): CompileOntologyOutcome {
  const parsed = parseDocument(json);
  if ('faults' in parsed) {
    return { ok: false, faults: parsed.faults };
  }
  const { migrations = [], ...document } = parsed.document;
  const faults = new FaultList();
  const structs = new Set<string>();
  const interfaces = compileInterfaces(document, structs, faults);
  const types: Types = {
    interfaces,
    objectTypes: compileObjectTypes(document, structs, faults),
    linkTypes: compileLinkTypes(document, faults),
  };
  checkPolicies(document, types.objectTypes, faults);
  checkGovernance(document, faults);
  checkEndpoints(document, faults);
  checkParameters(document, faults);
  checkSensitiveReaders(document, faults);
  if (!faults.isEmpty) {
    return { ok: false, faults: faults.faults }; // Expressions over faulty types would only repeat the same faults.
  }
  const objects = new Map([...interfaces, ...types.objectTypes].map(([name, type]) => [name, type.properties]));
  const parameterStructs = nameParameterStructs(document, structs);
  if (structs.size > mostStructs) {
    faults.add('', `has ${structs.size} structs; at most ${mostStructs} are taken`);
    return { ok: false, faults: faults.faults };
  }
  const vocabulary = new Vocabulary(objects, parameterStructs);
  const registered = {
    functions: functions.filter((one): one is OntologyFunction => !isEffectFunction(one)),
    effectFunctions: new Set(functions.filter(isEffectFunction).map(({ name, version }) => `${name}@${version}`)),
  };
  const actionTypes = new Map<string, CompiledActionType>();
  let touched = 0;
  for (const [name, action] of Object.entries(document.actionTypes ?? {})) {
    const compiled = compileAction(name, action, { document, vocabulary, types, faults, ...registered });
    if (compiled) {
      actionTypes.set(name, compiled);
      touched += compiled.definitionText.length;
    }
    if (touched > mostTouched) {
      faults.addAt(
        '/actionTypes',
        [name],
        'this action type and those before it touch too much, each with what it deletes along and what the types are that it touches',
      );
      break;
    }
  }
  if (!faults.isEmpty) {
    return { ok: false, faults: faults.faults };
  }
  const text = canonicalText(document);
  const ontology = { document, text, digest: `sha256:${sha256Hex(text)}`, ...types, actionTypes, migrations };
  checkDefaultFilters(ontology, faults);
  return faults.isEmpty ? { ok: true, ontology } : { ok: false, faults: faults.faults };
}

interface ActionContext {
  document: OntologyDocument;
  vocabulary: Vocabulary;
  types: Types;
  functions: readonly OntologyFunction[];
  effectFunctions: ReadonlySet<string>;
  faults: FaultList;
}

function compileAction(name: string, action: ActionTypeDefinition, context: ActionContext): CompiledActionType | undefined {
  const { document, faults, types } = context;
  const base = pointerTo('/actionTypes', name);
  const policy = document.approvalPolicies?.[action.approvalPolicy];
  if (!policy) {
    faults.addAt(base, ['approvalPolicy'], `there is no approval policy ${action.approvalPolicy}`);
    return undefined;
  }
  for (const type of Object.keys(action.limits?.objects ?? {})) {
    if (!types.objectTypes.has(type) && !types.interfaces.has(type)) {
      faults.addAt(base, ['limits', 'objects', type], `there is no object type ${type}`);
    }
  }
  const compiled = compileExpressions(name, action, policy, context, base);
  if (!faults.isEmpty) {
    return undefined;
  }
  const surface = deriveSurface(compiled.rules, types);
  checkFloors(
    base,
    surface.flatMap((row) => typesTouched(types, row.type)),
    policy,
    types,
    faults,
  );
  const definitionText = deriveDefinitionText(name, action, policy, surface, compiled, types, document.endpoints);
  return {
    name,
    definition: action,
    policyName: action.approvalPolicy,
    policy,
    surface,
    ceilings: deriveCeilings(action, types),
    floors: deriveFloors(policy),
    riskTier: action.riskTier ?? 'medium',
    reversible: action.reversible ?? true,
    definitionText,
    definitionDigest: `sha256:${sha256Hex(definitionText)}`,
    parametersSchema: parametersSchema(document, action.parameters),
    compiled,
  };
}

function compileExpressions(
  name: string,
  action: ActionTypeDefinition,
  policy: ApprovalPolicyDefinition,
  { document, vocabulary, types, functions, effectFunctions, faults }: ActionContext,
  base: string,
): CompiledAction {
  const context = { action, types, functions, effectFunctions, faults };
  const { parameters, scope } = compileParameters(context, document, new Scope(vocabulary), pointerTo(base, 'parameters'));
  const criteria = (action.criteria ?? []).flatMap((criterion, at) => {
    const condition = expression(context, scope, criterion.condition, pointerTo(base, 'criteria', at, 'condition'), boolean);
    return condition ? [{ pointer: `/criteria/${at}`, condition, message: criterion.message }] : [];
  });
  const criteriaAskTime = scope.variable('evaluatedAt').isUsed; // Asked here: so far nothing but what is asked of parameters and criteria was compiled in this scope.
  const rules = compileRules(context, scope, action.rules, pointerTo(base, 'rules'));
  if (action.proposers !== undefined) {
    faults.take(compilePrincipalExpression('proposer', action.proposers, pointerTo(base, 'proposers')));
  }
  const outside = {
    document,
    rules: context,
    scope,
    endpoints: document.endpoints ?? {},
    sensitiveOf: (variables: Iterable<Variable>, slots: ReadonlySet<string>, by: Types = types) => {
      const found = [...sensitiveMentions(action, by, variables), ...sensitiveFills(rules, by, slots)];
      return [...new Set(found)].sort(compareText);
    },
  };
  return {
    parameters,
    effects: compileEffects(outside, action.effects ?? [], pointerTo(base, 'effects')),
    checks: compileChecks(outside, action.effects ?? [], action.checks ?? [], pointerTo(base, 'checks')),
    criteria,
    interfaceLimits: deriveInterfaceLimits(action, types),
    criteriaAskTime,
    rules,
    policy: compilePolicy(name, action, policy, scope, faults),
  };
}

function nameParameterStructs(document: OntologyDocument, taken: Set<string>): StructDefinition[] {
  return Object.entries(document.actionTypes ?? {}).flatMap(([action, { parameters }]) =>
    Object.entries(parameters).flatMap(([name, definition]) =>
      definition.type === 'objectSet' ? [] : nameStructs(definition, [action, name], taken),
    ),
  );
}
