import type { ASTNode } from '@marcbachmann/cel-js';
import { compilePattern } from '../compile-pattern.ts';
import { childrenOf } from './ast-children.ts';
import { objectTypeOf } from './cel-types.ts';
import { checkedTypeOf } from './checked-type.ts';
import type { Scope, Variable } from './scope.ts';

const comprehensions = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** The variables whose objects a name may stand for. */
type Bindings = ReadonlyMap<string, readonly Variable[]>;

/**
 * Walks a checked expression and notes, on each variable, the properties that it mentions. What is mentioned is read, whether or not the computation gets there:
 * so the read set depends on the definition alone, and is never too small. Returns what is wrong beyond types: unknown properties under `has`, enum literals, patterns.
 */
export function findMentions(scope: Scope, root: ASTNode): string[] {
  const faults: string[] = [];
  const visit = (node: ASTNode, bindings: Bindings): void => {
    if (node.op === 'id') {
      for (const variable of sourcesOf(scope, node, bindings)) {
        variable.isUsed = true;
      }
    } else if (node.op === '.') {
      noteMention(scope, node, bindings, faults);
    } else if (node.op === '==' || node.op === '!=') {
      checkEnum(scope, node.args[0], node.args[1], faults);
      checkEnum(scope, node.args[1], node.args[0], faults);
    } else if (node.op === 'in' && node.args[1].op === 'list') {
      for (const item of node.args[1].args) {
        checkEnum(scope, node.args[0], item, faults);
      }
    } else if (node.op === 'rcall') {
      visitCall(node, bindings);
      return;
    }
    for (const child of childrenOf(node)) {
      visit(child, bindings);
    }
  };
  const visitCall = (node: Extract<ASTNode, { op: 'rcall' }>, bindings: Bindings): void => {
    const [name, receiver, args] = node.args;
    visit(receiver, bindings);
    if (name === 'matches' && args[0]) {
      checkPattern(args[0], faults);
    }
    const isBind = name === 'bind' && receiver.op === 'id' && receiver.args === 'cel';
    if (args[0]?.op !== 'id' || !(isBind || comprehensions.has(name))) {
      for (const argument of args) {
        visit(argument, bindings);
      }
      return;
    }
    const bound = isBind ? args[1] : receiver;
    const inner = new Map([...bindings, [args[0].args, bound ? sourcesOf(scope, bound, bindings) : []]]);
    for (const [at, argument] of args.slice(1).entries()) {
      visit(argument, isBind && at === 0 ? bindings : inner);
    }
  };
  visit(root, new Map());
  return faults;
}

function noteMention(scope: Scope, node: Extract<ASTNode, { op: '.' }>, bindings: Bindings, faults: string[]): void {
  const [target, property] = node.args;
  const objectType = objectTypeOf(checkedTypeOf(target));
  if (objectType === undefined || property === 'id') {
    return;
  }
  if (!scope.vocabulary.objects.get(objectType)?.has(property)) {
    faults.push(`${objectType} has no property ${property}`);
    return;
  }
  const sources = sourcesOf(scope, target, bindings).filter((source) => source.objectType === objectType);
  // Where the walk cannot tell which variable it is, every variable of that type is taken to be read.
  const read = sources.length > 0 ? sources : [...scope.variables.values()].filter((variable) => variable.objectType === objectType);
  for (const variable of read) {
    variable.mentions.add(property);
  }
}

function sourcesOf(scope: Scope, node: ASTNode, bindings: Bindings): readonly Variable[] {
  switch (node.op) {
    case 'id': {
      const variable = scope.variables.get(node.args);
      return bindings.get(node.args) ?? (variable ? [variable] : []);
    }
    case '[]':
      return sourcesOf(scope, node.args[0], bindings);
    case '?:':
      return sourcesOfAll(scope, node.args.slice(1) as ASTNode[], bindings);
    case '+':
      return sourcesOfAll(scope, node.args, bindings);
    case 'list':
      return sourcesOfAll(scope, node.args, bindings);
    case 'rcall':
      return node.args[0] === 'filter' ? sourcesOf(scope, node.args[1], bindings) : [];
    default:
      return [];
  }
}

/** Each once: what is bound to itself twice, over and over, would otherwise have more sources than there is memory. */
function sourcesOfAll(scope: Scope, nodes: readonly ASTNode[], bindings: Bindings): readonly Variable[] {
  return [...new Set(nodes.flatMap((node) => sourcesOf(scope, node, bindings)))];
}

function checkEnum(scope: Scope, side: ASTNode, literal: ASTNode, faults: string[]): void {
  if (literal.op !== 'value' || typeof literal.args !== 'string') {
    return;
  }
  const definition =
    side.op === '.'
      ? scope.vocabulary.objects.get(objectTypeOf(checkedTypeOf(side.args[0])) ?? '')?.get(side.args[1])
      : side.op === 'id'
        ? scope.variables.get(side.args)?.definition
        : undefined;
  if (definition?.type === 'enum' && !definition.values.includes(literal.args)) {
    faults.push(`"${literal.args}" is none of ${definition.values.join(', ')}`);
  }
}

function checkPattern(argument: ASTNode, faults: string[]): void {
  if (argument.op !== 'value' || typeof argument.args !== 'string') {
    return;
  }
  const outcome = compilePattern(argument.args);
  if ('refused' in outcome) {
    faults.push(`what matches() is given ${outcome.refused} (at character ${argument.start + 1})`);
  }
}
