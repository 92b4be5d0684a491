import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf } from './cel/ast-children.ts';
import { objectCelType } from './cel/cel-types.ts';
import { fromCel, toJson } from './cel/cel-values.ts';
import { checkText, ExpressionError, type Frame, makeComputable } from './cel/expression.ts';
import { findMentions } from './cel/find-mentions.ts';
import { ObjectView } from './cel/object-view.ts';
import type { Scope } from './cel/scope.ts';
import type { Condition } from './condition.ts';
import { Decimal, longestDecimal } from './decimal.ts';
import type { AnyDefinition, PropertyDefinition, ValueDefinition } from './definition.ts';
import { isStorableText, type JsonScalar } from './json.ts';
import type { Fault } from './plan.ts';

/** A condition whose values are still to be computed from the variables around it. */
export type ConditionTemplate = (frame: Frame) => Condition;

type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

const comparisons: Readonly<Record<string, { op: Comparison; turned: Comparison }>> = {
  '==': { op: 'eq', turned: 'eq' },
  '!=': { op: 'ne', turned: 'ne' },
  '<': { op: 'lt', turned: 'gt' },
  '<=': { op: 'le', turned: 'ge' },
  '>': { op: 'gt', turned: 'lt' },
  '>=': { op: 'ge', turned: 'le' },
};

const textTests: Readonly<Record<string, 'startsWith' | 'endsWith' | 'includes'>> = {
  startsWith: 'startsWith',
  endsWith: 'endsWith',
  contains: 'includes',
};

const text: ValueDefinition = { type: 'string' };

class Untranslatable extends Error {}

/**
 * Compiles CEL about one object into a condition that the database can answer, or says why there is none. The object's properties are known by name, except
 * where a variable has the name, and as `<alias>.<name>` always. `isOperand` restricts what may stand on the other side of a comparison.
 */
export function compileCondition(
  scope: Scope,
  queried: { type: string; properties: ReadonlyMap<string, PropertyDefinition>; alias?: string },
  source: string,
  pointer: string,
  isOperand: (node: ASTNode) => boolean = () => true,
): { template: ConditionTemplate } | { fault: Fault } {
  const refuse = (message: string) => ({ fault: { code: 'invalid_ontology', pointer, message } });
  let inner = queried.alias === undefined ? scope : scope.with(queried.alias, objectCelType(queried.type));
  const named = new Map<string, string>(); // Inner name to property.
  for (const [name, definition] of [['id', text] as const, ...queried.properties]) {
    if (!inner.has(name)) {
      named.set(inner.celName(name), name);
      inner = inner.withProperty(name, definition);
    }
  }
  const alias = queried.alias === undefined ? undefined : inner.celName(queried.alias);
  const checked = checkText(inner, source);
  if ('refused' in checked) {
    return refuse(checked.refused);
  }
  if (checked.type !== 'bool') {
    return refuse(`must be true or false, but is ${checked.type}`);
  }
  const fault = findMentions(inner, checked.ast)[0];
  if (fault) {
    return refuse(fault);
  }

  const propertyOf = (node: ASTNode): string | undefined => {
    if (node.op === 'id') {
      return named.get(node.args);
    }
    const isAlias = node.op === '.' && node.args[0].op === 'id' && node.args[0].args === alias;
    return isAlias ? (node.args[1] as string) : undefined;
  };
  const mentionsObject = (node: ASTNode): boolean =>
    propertyOf(node) !== undefined || (node.op === 'id' && node.args === alias) || childrenOf(node).some(mentionsObject);
  const operand = (node: ASTNode): ((frame: Frame) => unknown) => {
    if (mentionsObject(node)) {
      throw new Untranslatable(
        `compare a property with a value, not with something computed from the object (at character ${node.start + 1})`,
      );
    }
    if (!isOperand(node)) {
      throw new Untranslatable(`only plain values may stand here (at character ${node.start + 1})`);
    }
    return makeComputable(node, pointer);
  };
  const definitionOf = (property: string) => (property === 'id' ? text : (queried.properties.get(property) ?? text));

  const translate = (node: ASTNode): ConditionTemplate => {
    if (!mentionsObject(node)) {
      const compute = operand(node);
      return (frame) => (compute(frame) === true ? { all: [] } : { any: [] });
    }
    const property = propertyOf(node);
    if (property !== undefined) {
      return () => ({ property, op: 'eq', value: true }); // The checker let it through, so the property is a boolean.
    }
    switch (node.op) {
      case '&&': {
        const sides = flatten('&&', node).map(translate);
        return (frame) => ({ all: sides.map((side) => side(frame)) });
      }
      case '||': {
        const sides = flatten('||', node).map(translate);
        return (frame) => ({ any: sides.map((side) => side(frame)) });
      }
      case '!_': {
        if (node.args.op === '!_') {
          return translate(node.args.args); // A thousand of them are text of a thousand characters, but would nest as deep in SQL.
        }
        const negated = translate(node.args);
        return (frame) => ({ not: negated(frame) });
      }
      case '==':
      case '!=':
      case '<':
      case '<=':
      case '>':
      case '>=':
        return translateComparison(node.op, node.args);
      case 'in':
        return translateIn(node.args);
      case 'call':
        return translateHas(node);
      case 'rcall':
        return translateTextTest(node);
      default:
        throw untranslatable(node);
    }
  };
  const translateComparison = (symbol: string, [left, right]: readonly [ASTNode, ASTNode]): ConditionTemplate => {
    const relation = comparisons[symbol] as { op: Comparison; turned: Comparison };
    const isLeft = propertyOf(left) !== undefined;
    const property = propertyOf(left) ?? propertyOf(right);
    if (property === undefined) {
      throw new Untranslatable(`one side must be a property alone (at character ${left.start + 1})`);
    }
    const definition = definitionOf(property);
    const other = isLeft ? right : left;
    const compute = operand(other);
    const op = isLeft ? relation.op : relation.turned;
    const isWhole = definition.type === 'array' || definition.type === 'struct' || definition.type === 'geopoint';
    if (isWhole && !(other.op === 'value' && other.args === null)) {
      throw new Untranslatable(
        `a ${definition.type} can be asked for presence alone, and a list for an element, with \`in\` (at character ${left.start + 1})`,
      );
    }
    return (frame) => compare(property, op, scalarOf(definition, compute(frame), pointer));
  };
  const translateIn = ([element, list]: readonly [ASTNode, ASTNode]): ConditionTemplate => {
    const listed = propertyOf(list);
    if (listed !== undefined) {
      const definition = definitionOf(listed);
      const compute = operand(element);
      return (frame) => {
        const value = scalarOf(definition.type === 'array' ? definition.items : definition, compute(frame), pointer);
        return value === null ? { any: [] } : { property: listed, op: 'contains', value };
      };
    }
    const property = propertyOf(element);
    if (property === undefined) {
      throw new Untranslatable(`one side of \`in\` must be a property alone (at character ${element.start + 1})`);
    }
    const definition = definitionOf(property);
    const compute = operand(list);
    return (frame) => {
      const items = compute(frame);
      const scalars = (Array.isArray(items) ? items : []).map((item) => scalarOf(definition, item, pointer));
      const values = scalars.filter((item) => item !== null);
      const isOneOf: Condition = { property, op: 'in', values };
      return values.length === scalars.length ? isOneOf : { any: [isOneOf, compare(property, 'eq', null)] };
    };
  };
  const translateHas = (node: Extract<ASTNode, { op: 'call' }>): ConditionTemplate => {
    const [name, args] = node.args;
    const property = name === 'has' && args[0] ? propertyOf(args[0]) : undefined;
    if (property === undefined) {
      throw untranslatable(node);
    }
    return () => ({ property, op: 'present' });
  };
  const translateTextTest = (node: Extract<ASTNode, { op: 'rcall' }>): ConditionTemplate => {
    const [name, receiver, args] = node.args;
    const property = propertyOf(receiver);
    const op = Object.hasOwn(textTests, name) ? textTests[name] : undefined;
    if (op === undefined || property === undefined || !args[0]) {
      throw untranslatable(node);
    }
    const compute = operand(args[0]);
    return (frame) => {
      const part = compute(frame);
      return typeof part === 'string' ? { property, op, value: storable(part, pointer) } : { any: [] };
    };
  };

  try {
    return { template: translate(checked.ast) };
  } catch (error) {
    if (error instanceof Untranslatable || error instanceof ExpressionError) {
      return refuse(error.message);
    }
    throw error;
  }
}

function untranslatable(node: ASTNode): Untranslatable {
  return new Untranslatable(
    `the database cannot answer this; use comparisons, \`in\`, startsWith, endsWith, contains, has, &&, || and ! (at character ${node.start + 1})`,
  );
}

function flatten(op: '&&' | '||', node: ASTNode): ASTNode[] {
  return node.op === op ? node.args.flatMap((side) => flatten(op, side)) : [node];
}

/**
 * @throws {ExpressionError} for values that no property can hold, or that are of another kind than the property, which the checker lets through as `dyn`: asking
 * PostgreSQL for them would fail, or find what is only near.
 */
function scalarOf(definition: AnyDefinition, value: unknown, pointer: string): JsonScalar {
  if (!isOfKind(definition, value)) {
    throw new ExpressionError(pointer, `a value is none that a ${definition.type} can be compared with`, undefined);
  }
  if (definition.type === 'integer' && typeof value === 'bigint' && !Number.isSafeInteger(Number(value))) {
    throw new ExpressionError(pointer, 'a number is no integer that a property can hold', undefined);
  }
  if (definition.type === 'double' && typeof value === 'bigint' && BigInt(Number(value)) !== value) {
    throw new ExpressionError(pointer, 'a number is no double that a property can hold', undefined);
  }
  if (definition.type === 'decimal' && value instanceof Decimal && value.toString().length > longestDecimal) {
    throw new ExpressionError(pointer, `a decimal has more than ${longestDecimal} characters`, undefined);
  }
  if (definition.type === 'long' && typeof value === 'number') {
    return asLong(value);
  }
  const json = fromCel(definition, value) ?? null;
  const scalar = typeof json === 'object' && json !== null ? JSON.stringify(toJson(value)) : json;
  return typeof scalar === 'string' ? storable(scalar, pointer) : scalar;
}

/** A double as text that compares with every long as the double does: halves stand for all fractions, and what is beyond every long for all that is. */
function asLong(value: number): string {
  const beyond = 2n ** 64n;
  const floor = value >= 2 ** 64 ? beyond : value <= -(2 ** 64) ? -beyond : BigInt(Math.floor(value));
  if (Number.isInteger(value)) return floor.toString();
  return new Decimal(floor * 2n + 1n, 0).times(new Decimal(5n, 1)).toString();
}

function isOfKind({ type }: AnyDefinition, value: unknown): boolean {
  if (value === null || value === undefined) {
    return true;
  }
  switch (type) {
    case 'integer':
    case 'long':
    case 'double':
      return typeof value === 'bigint' || Number.isFinite(value); // JSON has no word for what is not finite.
    case 'boolean':
      return typeof value === 'boolean';
    case 'decimal':
      return value instanceof Decimal;
    case 'timestamp':
      return value instanceof Date;
    case 'reference':
      return typeof value === 'string' || value instanceof ObjectView;
    case 'string':
    case 'enum':
    case 'date':
      return typeof value === 'string';
    default:
      return true; // Lists, structs and points are asked for presence and elements alone.
  }
}

function storable(value: string, pointer: string): string {
  if (!isStorableText(value)) {
    throw new ExpressionError(pointer, 'a text holds a character that no property can hold', undefined);
  }
  return value;
}

function compare(property: string, op: Comparison, value: JsonScalar): Condition {
  if (value !== null) {
    return { property, op, value };
  }
  switch (op) {
    case 'eq':
      return { not: { property, op: 'present' } };
    case 'ne':
      return { property, op: 'present' };
    default:
      return { any: [] };
  }
}
