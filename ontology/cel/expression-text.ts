import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf } from './ast-children.ts';
import { timestampType } from './cel-types.ts';
import { checkedTypeOf } from './checked-type.ts';

const binding: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  in: 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
};

/** What `matches` is called while running: the library's own backtracks, and it lets nobody register another of that name. Checking knows no such function. */
export const linearMatches = '_matches';

/** What watches over the cost of an expression while it runs (budget.ts): before a collection is gone through, behind what grows, before texts are joined. */
export const loopMark = '_loop';
export const boundMark = '_bounded';
export const joinMark = '_joinable';

/** What a text goes through before it is compared for order: the library goes by UTF-16 units. */
export const orderMark = '_ordered';

/** Timestamps (instant-operators.ts): what `timestamp` is called while running, what gives calendar fields of a finer instant, and what makes one that can be added to. */
export const instantMark = '_timestamp';
export const wholeMark = '_whole';
export const fineMark = '_fine';

const loops = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** How many nodes an expression has, which is about what computing it costs. */
export function nodesOf(node: ASTNode): number {
  return childrenOf(node).reduce((sum, child) => sum + nodesOf(child), 1);
}

/**
 * Writes an expression's tree as text again, for running: parts of a tree have no text of their own, since positions leave out parentheses (and the library's own
 * serialiser loses those after a minus). Long chains stay flat, so that the parser's depth stays that of the source. `has(x.y)` becomes `x.y != null`, because
 * absent properties are null while running. Whatever may cost much is put under watch.
 */
export function expressionText(node: ASTNode): string {
  switch (node.op) {
    case 'value':
      return literalText(node.args);
    case 'id':
      return node.args;
    case '.':
      return `${tight(node.args[0])}.${node.args[1]}`;
    case '[]':
      return `${tight(node.args[0])}[${expressionText(node.args[1])}]`;
    case 'call': {
      const [name, args] = node.args;
      return name === 'has' && args[0]
        ? `(${expressionText(args[0])} != null)`
        : `${name === 'timestamp' ? instantMark : name}(${listText(args)})`;
    }
    case 'rcall':
      return callText(node);
    case 'list':
      return `[${listText(node.args)}]`;
    case 'map':
      return `{${node.args.map(([key, value]) => `${expressionText(key)}: ${expressionText(value)}`).join(', ')}}`;
    case '!_':
      return `!${node.args.op === '!_' ? expressionText(node.args) : tight(node.args)}`;
    case '-_':
      return `-${node.args.op === '-_' ? expressionText(node.args) : tight(node.args)}`;
    case '?:': {
      const [condition, yes, no] = node.args;
      return `${tight(condition)} ? ${tight(yes)} : ${no.op === '?:' ? expressionText(no) : tight(no)}`;
    }
    case 'in': {
      const [item, list] = node.args;
      return `${tight(item)} in ${list.op === 'list' ? expressionText(list) : `${loopMark}(${expressionText(list)}, 1)`}`;
    }
    case '<':
    case '<=':
    case '>':
    case '>=':
      return `${sorted(node.args[0])} ${node.op} ${sorted(node.args[1])}`;
    case '+':
      return `${boundMark}(${binaryText(node)})`;
    default:
      return binaryText(node);
  }
}

function callText(node: Extract<ASTNode, { op: 'rcall' }>): string {
  const [name, receiver, args] = node.args;
  if (loops.has(name) && args[0]?.op === 'id') {
    const turn = args.slice(1).reduce((sum, arg) => sum + nodesOf(arg), 3);
    return `${loopMark}(${expressionText(receiver)}, ${turn}).${name}(${listText(args)})`;
  }
  if (name === 'join' || name === 'split') {
    return `${name === 'join' ? joinMark : boundMark}(${expressionText(receiver)}).${name}(${listText(args)})`;
  }
  const held = name.startsWith('get') ? `${wholeMark}(${expressionText(receiver)})` : tight(receiver);
  return `${held}.${name === 'matches' ? linearMatches : name}(${listText(args)})`;
}

function binaryText(node: ASTNode): string {
  const strength = binding[node.op];
  if (strength === undefined) {
    throw new Error(`no text for ${node.op}`);
  }
  const [left, right] = node.args as [ASTNode, ASTNode];
  const isChain = strength !== 3 && binding[left.op] === strength && !isTimestamp(left); // Chains lean to the left; comparisons do not chain.
  const side = strength === 4 ? added : tight;
  return `${isChain ? binaryText(left) : side(left)} ${node.op} ${side(right)}`;
}

function added(node: ASTNode): string {
  return isTimestamp(node) ? `${fineMark}(${expressionText(node)})` : tight(node);
}

function isTimestamp(node: ASTNode): boolean {
  return checkedTypeOf(node) === timestampType;
}

function sorted(node: ASTNode): string {
  const isNumber = node.op === 'value' && typeof node.args !== 'string';
  return isNumber ? tight(node) : `${orderMark}(${expressionText(node)})`;
}

function listText(nodes: readonly ASTNode[]): string {
  return nodes.map(expressionText).join(', ');
}

/** In parentheses, unless nothing could come apart. */
function tight(node: ASTNode): string {
  const text = expressionText(node);
  return ['value', 'id', '.', '[]', 'call', 'rcall', 'list', 'map'].includes(node.op) ? text : `(${text})`;
}

function literalText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'bigint':
      return value < 0n ? `(${value})` : String(value);
    case 'number': {
      const text = String(value);
      return /[.eE]/.test(text) ? text : `${text}.0`;
    }
    default:
      break;
  }
  if (value instanceof Uint8Array) {
    return `b"${[...value].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`;
  }
  return value === null || typeof value === 'boolean' ? String(value) : `${String(value)}u`;
}
