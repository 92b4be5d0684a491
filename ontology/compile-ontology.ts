import { canonicalText, sha256Hex } from './canonical-json.ts';
import { celTypeOf, objectCelType, timestampType } from './cel/cel-types.ts';
import { compileExpression } from './cel/expression.ts';
import { compilePrincipalExpression } from './cel/principal-expression.ts';
import { Scope, type Variable, Vocabulary } from './cel/scope.ts';
import { nameStructs } from './cel/struct-types.ts';
import { checkSensitiveReaders } from './check-sensitive-readers.ts';
import { checkDefault, checkValueDefinition } from './check-value-definition.ts';
import { compileInterfaces } from './compile-interfaces.ts';
import { compileLinkTypes } from './compile-link-types.ts';
import { compileObjectTypes } from './compile-object-types.ts';
import { boolean, compileRules } from './compile-rules.ts';
import type { CompiledRule } from './compiled-action.ts';
import type { CompiledActionType, CompiledOntology } from './compiled-ontology.ts';
import type {
  ActionTypeDefinition,
  ApprovalPolicyDefinition,
  OntologyDocument,
  ParameterDefinition,
  StructDefinition,
} from './definition.ts';
import { parseDocument } from './definition-schema.ts';
import { approvalsOf, deriveCeilings, deriveDefinitionText, deriveFloors, deriveSurface, flattenRules, type Types } from './derive.ts';
import { FaultList } from './fault-list.ts';
import { pointerTo } from './json.ts';
import type { OntologyFunction } from './ontology-function.ts';
import { parametersSchema } from './parameters.ts';
import type { Fault } from './plan.ts';

export type CompileOntologyOutcome = { ok: true; ontology: CompiledOntology } | { ok: false; faults: Fault[] };

/** Names that every expression of an action already has. */
const givenNames = new Set(['proposer', 'evaluatedAt', 'plan', 'reviewer', 'id']);

/**
 * Checks a whole document: its shape, that every name resolves, and that every expression has the type its place asks for; then derives what the database
 * holds each action type to. Pure and total: whatever the input, it answers with an ontology or with faults that point into it.
 */
export function compileOntology(json: unknown, functions: readonly OntologyFunction[] = []): CompileOntologyOutcome {
  const parsed = parseDocument(json);
  if ('faults' in parsed) {
    return { ok: false, faults: parsed.faults };
  }
  const { document } = parsed;
  const faults = new FaultList();
  const structs = new Set<string>();
  const interfaces = compileInterfaces(document, structs, faults);
  const types: Types = { objectTypes: compileObjectTypes(document, structs, faults), linkTypes: compileLinkTypes(document, faults) };
  checkPolicies(document, faults);
  checkParameters(document, faults);
  checkSensitiveReaders(document, faults);
  if (!faults.isEmpty) {
    return { ok: false, faults: faults.faults }; // Expressions over faulty types would only repeat the same faults.
  }
  const objects = new Map([...interfaces, ...types.objectTypes].map(([name, type]) => [name, type.properties]));
  const vocabulary = new Vocabulary(objects, nameParameterStructs(document, structs));
  const actionTypes = new Map<string, CompiledActionType>();
  for (const [name, action] of Object.entries(document.actionTypes ?? {})) {
    const compiled = compileAction(name, action, { document, vocabulary, types, functions, faults });
    if (compiled) {
      actionTypes.set(name, compiled);
    }
  }
  if (!faults.isEmpty) {
    return { ok: false, faults: faults.faults };
  }
  const text = canonicalText(document);
  return { ok: true, ontology: { document, text, digest: `sha256:${sha256Hex(text)}`, interfaces, ...types, actionTypes } };
}

interface ActionContext {
  document: OntologyDocument;
  vocabulary: Vocabulary;
  types: Types;
  functions: readonly OntologyFunction[];
  faults: FaultList;
}

function compileAction(name: string, action: ActionTypeDefinition, context: ActionContext): CompiledActionType | undefined {
  const { faults, types } = context;
  const base = pointerTo('/actionTypes', name);
  const policy = context.document.approvalPolicies?.[action.approvalPolicy];
  if (!policy) {
    faults.addAt(base, ['approvalPolicy'], `there is no approval policy ${action.approvalPolicy}`);
    return undefined;
  }
  for (const type of Object.keys(action.limits?.objects ?? {})) {
    if (!types.objectTypes.has(type)) {
      faults.addAt(base, ['limits', 'objects', type], `there is no object type ${type}`);
    }
  }
  let scope = new Scope(context.vocabulary);
  for (const [parameter, definition] of Object.entries(action.parameters)) {
    scope = scope.with(parameter, parameterCelType(definition), definition.type === 'array' ? undefined : definition);
  }
  const parameterScope = scope;
  const variables = new Map(Object.keys(action.parameters).map((parameter) => [parameter, parameterScope.variable(parameter)]));
  scope = scope.with('proposer', 'principal').with('evaluatedAt', timestampType);

  const criteria = (action.criteria ?? []).flatMap((criterion, at) => {
    const outcome = compileExpression(scope, criterion.condition, pointerTo(base, 'criteria', at, 'condition'), boolean);
    const compiled = faults.take(outcome);
    return compiled ? [{ pointer: `/criteria/${at}`, condition: compiled.expression, message: criterion.message }] : [];
  });
  const criteriaAskTime = scope.variable('evaluatedAt').isUsed; // Asked here: so far nothing but criteria was compiled in this scope.
  const rules = compileRules(
    { actionType: name, action, objectTypes: types.objectTypes, linkTypes: types.linkTypes, functions: context.functions, faults },
    scope,
    action.rules,
    pointerTo(base, 'rules'),
  );
  if (action.proposers !== undefined) {
    faults.take(compilePrincipalExpression('proposer', action.proposers, pointerTo(base, 'proposers')));
  }
  const automatic = policy.automatic && compileAutomatic(name, action, policy.automatic, scope, faults);
  if (!faults.isEmpty) {
    return undefined;
  }
  const surface = deriveSurface(rules, types);
  checkFloors(
    base,
    surface.map((row) => row.type),
    policy,
    types,
    faults,
  );
  const read = [...variables.values(), ...loopVariables(rules)];
  const definitionText = deriveDefinitionText(name, action, policy, surface, read, rules, types);
  return {
    name,
    definition: action,
    policyName: action.approvalPolicy,
    policy,
    surface,
    ceilings: deriveCeilings(action),
    floors: deriveFloors(policy),
    riskTier: action.riskTier ?? 'medium',
    reversible: action.reversible ?? true,
    definitionText,
    definitionDigest: `sha256:${sha256Hex(definitionText)}`,
    parametersSchema: parametersSchema(action.parameters),
    compiled: {
      variables,
      criteria,
      criteriaAskTime,
      rules,
      ...(automatic ? { automatic: automatic.expression } : {}),
    },
  };
}

function loopVariables(rules: readonly CompiledRule[]): Variable[] {
  return flattenRules(rules).flatMap((rule) => (rule.kind === 'forEach' ? [rule.variable] : []));
}

/** A policy's automatic condition speaks of parameters, so it is checked against every action type that uses the policy. */
function compileAutomatic(
  name: string,
  action: ActionTypeDefinition,
  automatic: NonNullable<ApprovalPolicyDefinition['automatic']>,
  scope: Scope,
  faults: FaultList,
) {
  const base = pointerTo('/approvalPolicies', action.approvalPolicy, 'automatic');
  for (const parameter of Object.keys(automatic.ceilings.parameters ?? {})) {
    const type = action.parameters[parameter]?.type;
    if (type !== 'integer' && type !== 'double') {
      faults.addAt(base, ['ceilings', 'parameters', parameter], `${name} has no numeric parameter ${parameter}`);
    }
  }
  return faults.take(compileExpression(scope.with('plan', 'planSize'), automatic.condition, pointerTo(base, 'condition'), boolean));
}

/** The door takes the highest floor of anything touched, so a policy that asks for less would make plans that can never be executed. */
function checkFloors(base: string, touched: readonly string[], policy: ApprovalPolicyDefinition, types: Types, faults: FaultList): void {
  const asked = policy.automatic ? 0 : approvalsOf(policy);
  for (const type of new Set(touched)) {
    const minimum = types.objectTypes.get(type)?.minimumApprovals ?? 0;
    if (minimum > asked) {
      faults.addAt(base, ['approvalPolicy'], `${type} asks for ${minimum} approvals, and this policy may do with ${asked}`);
    }
  }
}

function checkPolicies(document: OntologyDocument, faults: FaultList): void {
  for (const [name, policy] of Object.entries(document.approvalPolicies ?? {})) {
    const base = pointerTo('/approvalPolicies', name);
    if (new Set(policy.stages.map((stage) => stage.name)).size !== policy.stages.length) {
      faults.addAt(base, ['stages'], 'two stages have one name');
    }
    for (const [at, stage] of policy.stages.entries()) {
      for (const [index, threshold] of stage.thresholds.entries()) {
        faults.take(
          compilePrincipalExpression('reviewer', threshold.reviewers, pointerTo(base, 'stages', at, 'thresholds', index, 'reviewers')),
        );
      }
    }
    const ceilings = policy.automatic?.ceilings;
    if (ceilings && ceilings.edits === undefined && Object.keys(ceilings.parameters ?? {}).length === 0) {
      faults.addAt(
        base,
        ['automatic', 'ceilings'],
        'at least one ceiling is required, since the database holds nothing else of an automatic approval',
      );
    }
  }
}

function checkParameters(document: OntologyDocument, faults: FaultList): void {
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
      checkValueDefinition(document, definition, pointer, faults, 'parameter');
      checkDefault(definition, definition.default, pointer, faults);
    }
  }
}

function nameParameterStructs(document: OntologyDocument, taken: Set<string>): StructDefinition[] {
  return Object.entries(document.actionTypes ?? {}).flatMap(([action, { parameters }]) =>
    Object.entries(parameters).flatMap(([name, definition]) => nameStructs(definition, [action, name], taken)),
  );
}

function parameterCelType(definition: ParameterDefinition): string {
  if (definition.type === 'array') {
    const { items } = definition;
    return `list<${items.type === 'reference' ? objectCelType(items.to) : celTypeOf(items)}>`;
  }
  return definition.type === 'reference' ? objectCelType(definition.to) : celTypeOf(definition);
}
