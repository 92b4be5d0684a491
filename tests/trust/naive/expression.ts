/**
 * Expressions as trees, with a printer to CEL and an interpreter of a page. Nothing here comes from the product: whole numbers are BigInt, decimals pairs of BigInt,
 * absent is null, and what cannot be computed throws.
 */
export type Tree =
  | { is: 'value'; value: Value }
  | { is: 'name'; name: string }
  | { is: 'property'; of: Tree; name: string }
  | { is: 'both' | 'either'; left: Tree; right: Tree }
  | { is: 'not'; of: Tree }
  | { is: 'compare'; by: '==' | '!=' | '<' | '<=' | '>' | '>='; left: Tree; right: Tree }
  | { is: 'compute'; by: '+' | '-' | '*'; left: Tree; right: Tree }
  | { is: 'choose'; when: Tree; yes: Tree; no: Tree }
  | { is: 'within'; item: Tree; list: Tree }
  | { is: 'size'; of: Tree };

export interface Thing {
  type: string;
  id: string;
  properties: Record<string, Value>;
}

export interface Fixed {
  digits: bigint;
  scale: number;
}

export type Value = null | boolean | bigint | number | string | Fixed | Thing | Value[] | { plain: unknown };

export type Names = Record<string, Value>;

export class Uncomputable extends Error {}

export function print(tree: Tree): string {
  switch (tree.is) {
    case 'value':
      return literal(tree.value);
    case 'name':
      return tree.name;
    case 'property':
      return `${print(tree.of)}.${tree.name}`;
    case 'both':
      return `(${print(tree.left)} && ${print(tree.right)})`;
    case 'either':
      return `(${print(tree.left)} || ${print(tree.right)})`;
    case 'not':
      return `!(${print(tree.of)})`;
    case 'compare':
    case 'compute':
      return `(${print(tree.left)} ${tree.by} ${print(tree.right)})`;
    case 'choose':
      return `(${print(tree.when)} ? ${print(tree.yes)} : ${print(tree.no)})`;
    case 'within':
      return `(${print(tree.item)} in ${print(tree.list)})`;
    case 'size':
      return `size(${print(tree.of)})`;
  }
}

function literal(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return value < 0n ? `(${value})` : String(value);
  if (typeof value === 'number') return Number.isInteger(value) ? value.toFixed(1) : String(value);
  if (isFixed(value)) return `decimal("${fixedText(value)}")`;
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  return String(value);
}

export function compute(tree: Tree, names: Names): Value {
  switch (tree.is) {
    case 'value':
      return tree.value;
    case 'name':
      return names[tree.name] ?? null;
    case 'property': {
      const thing = compute(tree.of, names);
      if (!isThing(thing)) throw new Uncomputable('selected from what is no object');
      return tree.name === 'id' ? thing.id : (thing.properties[tree.name] ?? null);
    }
    case 'both':
    case 'either':
      return join(tree, names);
    case 'not':
      return !truth(compute(tree.of, names));
    case 'compare':
      return compareBy(tree.by, compute(tree.left, names), compute(tree.right, names));
    case 'compute':
      return arithmetic(tree.by, compute(tree.left, names), compute(tree.right, names));
    case 'choose':
      return truth(compute(tree.when, names)) ? compute(tree.yes, names) : compute(tree.no, names);
    case 'within': {
      const list = compute(tree.list, names);
      if (!Array.isArray(list)) throw new Uncomputable('searched in what is no list');
      const item = compute(tree.item, names);
      return list.some((one) => isSame(one, item));
    }
    case 'size': {
      const list = compute(tree.of, names);
      if (!Array.isArray(list)) throw new Uncomputable('size of what is no list');
      return BigInt(list.length);
    }
  }
}

/** In CEL one side that decides is enough, also where the other cannot be computed. */
function join(tree: Extract<Tree, { is: 'both' | 'either' }>, names: Names): boolean {
  const decisive = tree.is === 'either';
  let failure: unknown;
  for (const side of [tree.left, tree.right]) {
    try {
      if (truth(compute(side, names)) === decisive) return decisive;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure) throw failure;
  return !decisive;
}

function truth(value: Value): boolean {
  if (typeof value !== 'boolean') throw new Uncomputable('neither true nor false');
  return value;
}

function compareBy(by: string, left: Value, right: Value): boolean {
  if (by === '==') return isSame(left, right);
  if (by === '!=') return !isSame(left, right);
  const order = orderOf(left, right);
  return by === '<' ? order < 0 : by === '<=' ? order <= 0 : by === '>' ? order > 0 : order >= 0;
}

export function isSame(left: Value, right: Value): boolean {
  if (isThing(left) && isThing(right)) return left.type === right.type && left.id === right.id;
  if (isFixed(left) && isFixed(right)) return orderOf(left, right) === 0;
  return left === right;
}

export function orderOf(left: Value, right: Value): number {
  if (isFixed(left) && isFixed(right)) {
    const scale = Math.max(left.scale, right.scale);
    const difference = left.digits * 10n ** BigInt(scale - left.scale) - right.digits * 10n ** BigInt(scale - right.scale);
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }
  if (typeof left !== typeof right || left === null || !['bigint', 'number', 'string'].includes(typeof left))
    throw new Uncomputable('no order');
  return (left as bigint) < (right as bigint) ? -1 : left === right ? 0 : 1;
}

function arithmetic(by: string, left: Value, right: Value): Value {
  if (typeof left === 'bigint' && typeof right === 'bigint') return by === '+' ? left + right : by === '-' ? left - right : left * right;
  if (typeof left === 'string' && typeof right === 'string' && by === '+') return left + right;
  if (isFixed(left) && isFixed(right)) {
    if (by === '*') return { digits: left.digits * right.digits, scale: left.scale + right.scale };
    const scale = Math.max(left.scale, right.scale);
    const [a, b] = [left.digits * 10n ** BigInt(scale - left.scale), right.digits * 10n ** BigInt(scale - right.scale)];
    return { digits: by === '+' ? a + b : a - b, scale };
  }
  throw new Uncomputable('no arithmetic');
}

export function isThing(value: Value): value is Thing {
  return typeof value === 'object' && value !== null && 'properties' in value;
}

export function isFixed(value: Value): value is Fixed {
  return typeof value === 'object' && value !== null && 'digits' in value;
}

export function fixedText({ digits, scale }: Fixed): string {
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const fraction = text.slice(text.length - scale).replace(/0+$/, '');
  const whole = scale === 0 ? text : text.slice(0, -scale);
  return `${digits < 0n ? '-' : ''}${whole}${scale === 0 || fraction === '' ? '' : `.${fraction}`}`;
}

export function fixed(text: string): Fixed {
  const [whole = '0', fraction = ''] = text.split('.');
  return { digits: BigInt(whole + fraction), scale: fraction.length };
}
