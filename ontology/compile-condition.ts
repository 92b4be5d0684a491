import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf } from './cel/ast-children.ts';
import { objectCelType } from './cel/cel-types.ts';
import { checkText, ExpressionError, type Frame, makeComputable } from './cel/expression.ts';
import { findMentions } from './cel/find-mentions.ts';
import type { Scope } from './cel/scope.ts';
import { type Comparison, type Condition, fieldOf } from './condition.ts';
import { scalarOf, storable } from './condition-value.ts';
import type { AnyDefinition, PropertyDefinition, ValueDefinition } from './definition.ts';
import type { JsonScalar } from './json.ts';
import type { Fault } from './plan.ts';

/** A condition whose values are still to be computed from the variables around it. */
export type ConditionTemplate = (frame: Frame) => Condition;

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

/** What a condition asks about, and what it is there. */
interface Asked {
  held: { property: string; path?: string[] };
  definition: AnyDefinition;
}

const furtherQuestions = {
  array: ', a list also for an element, with `in`, and for its size',
  struct: ', and each of its fields alone',
  geopoint: ', and its latitude and longitude alone',
};

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

  const askedOf = (property: string): Asked => ({
    held: { property },
    definition: property === 'id' ? text : (queried.properties.get(property) ?? text),
  });
  const propertyOf = (node: ASTNode): Asked | undefined => {
    if (node.op === 'id') {
      const property = named.get(node.args);
      return property === undefined ? undefined : askedOf(property);
    }
    if (node.op !== '.') {
      return undefined;
    }
    const [target, name] = node.args;
    return target.op === 'id' && target.args === alias ? askedOf(name) : fieldAsked(propertyOf(target), name);
  };
  const mentionsObject = (node: ASTNode): boolean =>
    propertyOf(node) !== undefined || (node.op === 'id' && node.args === alias) || childrenOf(node).some(mentionsObject);
  const sizedList = (node: ASTNode): Asked | undefined => {
    const listed =
      node.op === 'call' && node.args[0] === 'size' && node.args[1].length === 1
        ? node.args[1][0]
        : node.op === 'rcall' && node.args[0] === 'size' && node.args[2].length === 0
          ? node.args[1]
          : undefined;
    const asked = listed && propertyOf(listed);
    return asked?.definition.type === 'array' ? asked : undefined;
  };
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

  const translate = (node: ASTNode): ConditionTemplate => {
    if (!mentionsObject(node)) {
      const compute = operand(node);
      return (frame) => (compute(frame) === true ? { all: [] } : { any: [] });
    }
    const property = propertyOf(node);
    if (property !== undefined) {
      return () => ({ ...property.held, op: 'eq', value: true }); // The checker let it through, so the property is a boolean.
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
    const sized = sizedList(left) ?? sizedList(right);
    const isLeft = (sizedList(left) ?? propertyOf(left)) !== undefined;
    const property = sized ?? propertyOf(left) ?? propertyOf(right);
    if (property === undefined) {
      throw new Untranslatable(`one side must be a property alone (at character ${left.start + 1})`);
    }
    const { held, definition } = property;
    const other = isLeft ? right : left;
    const compute = operand(other);
    const op = isLeft ? relation.op : relation.turned;
    if (sized) {
      return (frame) => compareSize(held, op, scalarOf({ type: 'double' }, compute(frame), pointer));
    }
    const isWhole = definition.type === 'array' || definition.type === 'struct' || definition.type === 'geopoint';
    if (isWhole && !(other.op === 'value' && other.args === null)) {
      throw new Untranslatable(
        `a ${definition.type} can be asked for presence${furtherQuestions[definition.type]} (at character ${left.start + 1})`,
      );
    }
    return (frame) => compare(held, op, scalarOf(definition, compute(frame), pointer));
  };
  const translateIn = ([element, list]: readonly [ASTNode, ASTNode]): ConditionTemplate => {
    const listed = propertyOf(list);
    if (listed !== undefined) {
      const { held, definition } = listed;
      const compute = operand(element);
      return (frame) => {
        const value = scalarOf(definition.type === 'array' ? definition.items : definition, compute(frame), pointer);
        return value === null ? { any: [] } : { ...held, op: 'contains', value };
      };
    }
    const property = propertyOf(element);
    if (property === undefined) {
      throw new Untranslatable(`one side of \`in\` must be a property alone (at character ${element.start + 1})`);
    }
    const { held, definition } = property;
    const compute = operand(list);
    return (frame) => {
      const items = compute(frame);
      const scalars = (Array.isArray(items) ? items : []).map((item) => scalarOf(definition, item, pointer));
      const values = scalars.filter((item) => item !== null);
      const isOneOf: Condition = { ...held, op: 'in', values };
      return values.length === scalars.length ? isOneOf : { any: [isOneOf, compare(held, 'eq', null)] };
    };
  };
  const translateHas = (node: Extract<ASTNode, { op: 'call' }>): ConditionTemplate => {
    const [name, args] = node.args;
    const property = name === 'has' && args[0] ? propertyOf(args[0]) : undefined;
    if (property === undefined) {
      throw untranslatable(node);
    }
    return () => ({ ...property.held, op: 'present' });
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
      return typeof part === 'string' ? { ...property.held, op, value: storable(part, pointer) } : { any: [] };
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

/** A size is never null, and an absent list has none. */
function compareSize(held: Asked['held'], op: Comparison, value: JsonScalar): Condition {
  if (typeof value === 'number') return { ...held, op: 'size', is: op, value };
  return op === 'ne' ? { all: [] } : { any: [] };
}

function untranslatable(node: ASTNode): Untranslatable {
  return new Untranslatable(
    `the database cannot answer this; use comparisons, \`in\`, startsWith, endsWith, contains, size of a list, has, &&, || and ! (at character ${node.start + 1})`,
  );
}

function flatten(op: '&&' | '||', node: ASTNode): ASTNode[] {
  return node.op === op ? node.args.flatMap((side) => flatten(op, side)) : [node];
}

function fieldAsked(asked: Asked | undefined, name: string): Asked | undefined {
  const definition = asked && fieldOf(asked.definition, name);
  return definition && { held: { property: asked.held.property, path: [...(asked.held.path ?? []), name] }, definition };
}

function compare(held: Asked['held'], op: Comparison, value: JsonScalar): Condition {
  if (value !== null) {
    return { ...held, op, value };
  }
  switch (op) {
    case 'eq':
      return { not: { ...held, op: 'present' } };
    case 'ne':
      return { ...held, op: 'present' };
    default:
      return { any: [] };
  }
}
