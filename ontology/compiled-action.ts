import type { Expression } from './cel/expression.ts';
import type { Variable } from './cel/scope.ts';
import type { ConditionTemplate } from './compile-condition.ts';
import type { FunctionWrite } from './definition.ts';
import type { OntologyFunction } from './ontology-function.ts';

/** The computable half of an action type: its expressions, checked, and its rules with names resolved. */
export interface CompiledAction {
  /** One variable for each parameter, by the parameter's name. */
  variables: ReadonlyMap<string, Variable>;
  criteria: { pointer: string; condition: Expression; message: string }[];
  /** Whether a criterion mentions `evaluatedAt`, so that it may fail later although nothing that was read has changed. */
  criteriaAskTime: boolean;
  rules: CompiledRule[];
  automatic?: Expression;
}

export type CompiledRule = { pointer: string; when?: Expression } & (
  | { kind: 'modify'; type: string; object: Expression; set: Assignment[]; unset: string[] }
  | { kind: 'create'; type: string; id?: Expression; set: Assignment[] }
  | { kind: 'delete'; type: string; object: Expression }
  | { kind: 'link' | 'unlink'; link: string; from: Expression; to: Expression }
  | { kind: 'forEach'; variable: Variable; source: CompiledSource; rules: CompiledRule[] }
  | { kind: 'if'; condition: Expression; whenTrue: CompiledRule[]; whenFalse: CompiledRule[] }
  | { kind: 'function'; function: OntologyFunction; writes: FunctionWrite[] }
);

export interface Assignment {
  property: string;
  value: Expression;
}

export type CompiledSource =
  /** `forward` walks from `from` to `to`. */
  | { kind: 'link'; link: string; of: Expression; forward: boolean }
  | { kind: 'query'; type: string; where: ConditionTemplate }
  | { kind: 'list'; parameter: string };
