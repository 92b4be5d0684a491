import { compilePattern, longestMatchedText, type Pattern } from './compile-pattern.ts';
import { Decimal } from './decimal.ts';
import type { ArrayDefinition, ValueDefinition } from './definition.ts';
import { isStorableText, type JsonValue } from './json.ts';

export type ValueOutcome = { value: JsonValue } | { refused: string };

const long = /^(0|-?[1-9][0-9]{0,18})$/;
const minimumLong = -(2n ** 63n);
const maximumLong = 2n ** 63n - 1n;
const day = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/;
const instant = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})$/;
/** Ids appear in read-set fingerprints, one per line and two to a line, so they hold no control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
const identity = /^[^\u0000-\u001f\u007f]{1,200}$/;

export function isObjectId(text: string): boolean {
  return identity.test(text) && text.isWellFormed();
}

/** Brings a JSON value to the one form in which this type is stored, or says in words why it cannot be. Never throws. */
export function normaliseValue(definition: ValueDefinition | ArrayDefinition, json: unknown): ValueOutcome {
  if (definition.type !== 'array') {
    return normaliseScalar(definition, json);
  }
  if (!Array.isArray(json)) {
    return { refused: 'must be a list' };
  }
  if (definition.maxItems !== undefined && json.length > definition.maxItems) {
    return { refused: `must have at most ${definition.maxItems} items` };
  }
  const value: JsonValue[] = [];
  for (const [at, item] of json.entries()) {
    const outcome = normaliseScalar(definition.items, item);
    if ('refused' in outcome) {
      return { refused: `item ${at} ${outcome.refused}` };
    }
    value.push(outcome.value);
  }
  return { value };
}

export function normaliseScalar(definition: ValueDefinition, json: unknown): ValueOutcome {
  switch (definition.type) {
    case 'boolean':
      return typeof json === 'boolean' ? { value: json } : { refused: 'must be true or false' };
    case 'integer':
      return Number.isSafeInteger(json) ? inRange(definition, json as number) : { refused: 'must be a whole number of at most 2^53 - 1' };
    case 'double':
      return typeof json === 'number' && Number.isFinite(json) ? inRange(definition, json) : { refused: 'must be a number' };
    case 'long':
      return normaliseLong(definition, json);
    case 'decimal':
      return normaliseDecimal(definition, json);
    case 'string':
      return normaliseString(definition, json);
    case 'enum':
      return typeof json === 'string' && definition.values.includes(json)
        ? { value: json }
        : { refused: `must be one of ${definition.values.join(', ')}` };
    case 'date':
      return typeof json === 'string' && isDay(json) ? { value: json } : { refused: 'must be a date such as 2001-01-31' };
    case 'timestamp':
      return normaliseTimestamp(json);
    case 'reference':
      return typeof json === 'string' && isObjectId(json)
        ? { value: json }
        : { refused: `must be the id of an object of type ${definition.to}` };
  }
}

function inRange(limits: { minimum?: number; maximum?: number }, number: number): ValueOutcome {
  if (limits.minimum !== undefined && number < limits.minimum) {
    return { refused: `must be at least ${limits.minimum}` };
  }
  if (limits.maximum !== undefined && number > limits.maximum) {
    return { refused: `must be at most ${limits.maximum}` };
  }
  return { value: number === 0 ? 0 : number }; // -0 has no canonical form of its own.
}

function normaliseLong(limits: { minimum?: string; maximum?: string }, json: unknown): ValueOutcome {
  if (typeof json !== 'string' || !long.test(json)) {
    return { refused: 'must be a whole number of 64 bits, written as a string' };
  }
  const number = BigInt(json);
  if (number < minimumLong || number > maximumLong) {
    return { refused: 'must be a whole number of 64 bits, written as a string' };
  }
  if (limits.minimum !== undefined && number < BigInt(limits.minimum)) {
    return { refused: `must be at least ${limits.minimum}` };
  }
  if (limits.maximum !== undefined && number > BigInt(limits.maximum)) {
    return { refused: `must be at most ${limits.maximum}` };
  }
  return { value: json };
}

function normaliseDecimal(limits: { minimum?: string; maximum?: string }, json: unknown): ValueOutcome {
  const number = typeof json === 'string' ? Decimal.parse(json) : undefined;
  if (!number) {
    return { refused: 'must be a decimal number, written as a string' };
  }
  if (limits.minimum !== undefined && number.compare(parsed(limits.minimum)) < 0) {
    return { refused: `must be at least ${limits.minimum}` };
  }
  if (limits.maximum !== undefined && number.compare(parsed(limits.maximum)) > 0) {
    return { refused: `must be at most ${limits.maximum}` };
  }
  return { value: number.toString() };
}

function parsed(text: string): Decimal {
  const number = Decimal.parse(text);
  if (!number) {
    throw new Error(`${text} is no decimal; the definition should have been refused`);
  }
  return number;
}

function patternOf(text: string): Pattern {
  const outcome = compilePattern(text);
  if ('refused' in outcome) {
    throw new Error(`${text} ${outcome.refused}; the definition should have been refused`);
  }
  return outcome.pattern;
}

function normaliseString(limits: Extract<ValueDefinition, { type: 'string' }>, json: unknown): ValueOutcome {
  if (typeof json !== 'string') {
    return { refused: 'must be text' };
  }
  if (!isStorableText(json)) {
    return { refused: 'must not contain U+0000 or half a surrogate pair' };
  }
  if (limits.minLength !== undefined && [...json].length < limits.minLength) {
    return { refused: `must be at least ${limits.minLength} characters long` };
  }
  if (limits.maxLength !== undefined && json.length > limits.maxLength && [...json].length > limits.maxLength) {
    return { refused: `must be at most ${limits.maxLength} characters long` };
  }
  if (limits.oneOf && !limits.oneOf.includes(json)) {
    return { refused: `must be one of ${limits.oneOf.join(', ')}` };
  }
  if (limits.pattern !== undefined && json.length > longestMatchedText) {
    return { refused: `must be at most ${longestMatchedText} characters long, since it must match a pattern` };
  }
  if (limits.pattern !== undefined && !patternOf(limits.pattern).matchesWhole(json)) {
    return { refused: `must match ${limits.pattern}` };
  }
  return { value: json };
}

function isDay(text: string): boolean {
  const match = day.exec(text);
  if (!match || match[1] === '0000') {
    return false;
  }
  // Date rolls over, so 31 February comes back as another day.
  const date = new Date(`${text}T00:00:00.000Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function normaliseTimestamp(json: unknown): ValueOutcome {
  const refused = { refused: 'must be a time such as 2001-01-31T09:30:00.000Z' };
  if (typeof json !== 'string' || !instant.test(json) || !isDay(json.slice(0, 10))) {
    return refused;
  }
  const time = new Date(json);
  const year = time.getUTCFullYear();
  return Number.isNaN(time.getTime()) || year < 1 || year > 9999 ? refused : { value: time.toISOString() };
}
