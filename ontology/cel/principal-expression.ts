import type { Principal } from '../principal.ts';
import { compileExpression, type Expression } from './expression.ts';
import { Scope, Vocabulary } from './scope.ts';

const vocabulary = new Vocabulary(new Map());
const isBool = { type: (celType: string) => celType === 'bool' || celType === 'dyn', words: 'true or false' };

type PrincipalName = 'reviewer' | 'proposer' | 'reader';

/** Compiles CEL about one principal, known there by what it is asked as. */
export function compilePrincipalExpression(name: PrincipalName, text: string, pointer: string) {
  return compileExpression(new Scope(vocabulary).with(name, 'principal'), text, pointer, isBool);
}

/** An expression that cannot be computed admits nobody. */
export function admits(expression: Expression, name: PrincipalName, principal: Principal): boolean {
  try {
    return expression.compute({ [name]: { id: principal.id, kind: principal.kind, roles: [...principal.roles] } }) === true;
  } catch {
    return false;
  }
}
