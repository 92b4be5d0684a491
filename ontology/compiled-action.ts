import type { Expression } from './cel/expression.ts';
import type { Variable } from './cel/scope.ts';
import type { ConditionTemplate } from './compile-condition.ts';
import type { CompiledCheck, CompiledEffect } from './compile-effects.ts';
import type { CompiledPolicy } from './compile-policy.ts';
import type { AnyDefinition, FunctionWrite, ParameterDefinition } from './definition.ts';
import type { OntologyFunction } from './ontology-function.ts';

/** The computable half of an action type: its expressions, checked, and its rules with names resolved. */
export interface CompiledAction {
  /** What is asked of parameters beyond their shape, by the parameter's name. */
  parameters: ReadonlyMap<string, CompiledParameter>;
  criteria: { pointer: string; condition: Expression; message: string }[];
  /** Bounds on the sum over the types that implement an interface. */
  interfaceLimits: { name: string; types: readonly string[]; limit: number }[];
  /** Whether a criterion, or what is asked of a parameter, mentions `evaluatedAt`, so that it may fail later although nothing that was read has changed. */
  criteriaAskTime: boolean;
  rules: CompiledRule[];
  effects: CompiledEffect[];
  checks: CompiledCheck[];
  policy: CompiledPolicy;
}

/** In modify, create, createOrModify, delete and queries `type` names an object type, or an interface and thereby all types that implement it. */
export type CompiledRule = { pointer: string; when?: Expression } & (
  | { kind: 'modify'; type: string; object: Expression; set: Assignment[]; unset: string[] }
  | { kind: 'create'; type: string; objectType?: Expression; id?: Expression; set: Assignment[] }
  | { kind: 'createOrModify'; type: string; objectType?: Expression; id?: Expression; set: Assignment[]; create: Assignment[] }
  | { kind: 'delete'; type: string; object: Expression }
  | { kind: 'link' | 'unlink'; link: string; from: Expression; to: Expression }
  | { kind: 'forEach'; variable: Variable; source: CompiledSource; rules: CompiledRule[] }
  | { kind: 'if'; condition: Expression; whenTrue: CompiledRule[]; whenFalse: CompiledRule[] }
  | { kind: 'function'; function: OntologyFunction; writes: FunctionWrite[] }
);

export interface CompiledParameter {
  variable: Variable;
  definition: ParameterDefinition;
  /** What its JSON is like. */
  shape: AnyDefinition;
  prefill?: Expression;
  visibleWhen?: Expression;
  requiredWhen?: Expression;
  constraints: { condition: Expression; message: string }[];
}

export interface Assignment {
  property: string;
  /** What it is, or which slot of a write-back will say. */
  value: Expression | { slot: string; pointer: string };
}

export type CompiledSource =
  /** `forward` walks from `from` to `to`. */
  | { kind: 'path'; of: Expression; hops: { link: string; forward: boolean }[] }
  | { kind: 'query'; type: string; where: ConditionTemplate }
  | { kind: 'list'; parameter: string };
