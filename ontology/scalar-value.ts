import { isLatitude, isLongitude } from './cel/geopoint.ts';
import { compilePattern, longestMatchedText, type Pattern } from './compile-pattern.ts';
import { Decimal, longestDecimal } from './decimal.ts';
import type { ValueDefinition } from './definition.ts';
import { instantText, readInstant, sortableInstant } from './instant.ts';
import { isStorableText, type JsonValue } from './json.ts';

export type ValueOutcome = { value: JsonValue } | { refused: string };

const long = /^(0|-?[1-9][0-9]{0,18})$/;
const minimumLong = -(2n ** 63n);
const maximumLong = 2n ** 63n - 1n;
const day = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/;
/** Ids appear in read-set fingerprints, one per line and two to a line, so they hold no control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
const identity = /^[^\u0000-\u001f\u007f]{1,200}$/;

export function isObjectId(text: string): boolean {
  return identity.test(text) && text.isWellFormed();
}

/** Brings a JSON value to the one form in which this type is stored, or says in words why it cannot be. Never throws. */
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
      return typeof json === 'string' && isDay(json) ? inTime(definition, json) : { refused: 'must be a date such as 2001-01-31' };
    case 'timestamp':
      return normaliseTimestamp(definition, json);
    case 'geopoint':
      return normaliseGeopoint(json);
    case 'reference':
      return typeof json === 'string' && isObjectId(json)
        ? { value: json }
        : { refused: `must be the id of an object of type ${definition.to}` };
  }
}

function inRange(limits: { minimum?: number; maximum?: number; oneOf?: number[] }, number: number): ValueOutcome {
  if (limits.minimum !== undefined && number < limits.minimum) {
    return { refused: `must be at least ${limits.minimum}` };
  }
  if (limits.maximum !== undefined && number > limits.maximum) {
    return { refused: `must be at most ${limits.maximum}` };
  }
  if (limits.oneOf && !limits.oneOf.includes(number)) {
    return { refused: `must be one of ${limits.oneOf.join(', ')}` };
  }
  return { value: number === 0 ? 0 : number }; // -0 has no canonical form of its own.
}

function normaliseLong(limits: { minimum?: string; maximum?: string; oneOf?: string[] }, json: unknown): ValueOutcome {
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
  if (limits.oneOf && !limits.oneOf.includes(json)) {
    return { refused: `must be one of ${limits.oneOf.join(', ')}` };
  }
  return { value: json };
}

function normaliseDecimal(limits: { minimum?: string; maximum?: string; oneOf?: string[] }, json: unknown): ValueOutcome {
  const number = typeof json === 'string' ? Decimal.parse(json) : undefined;
  if (!number) {
    return { refused: `must be a decimal number of at most ${longestDecimal} characters, written as a string` };
  }
  if (limits.minimum !== undefined && number.compare(parsed(limits.minimum)) < 0) {
    return { refused: `must be at least ${limits.minimum}` };
  }
  if (limits.maximum !== undefined && number.compare(parsed(limits.maximum)) > 0) {
    return { refused: `must be at most ${limits.maximum}` };
  }
  if (limits.oneOf && !limits.oneOf.some((allowed) => number.compare(parsed(allowed)) === 0)) {
    return { refused: `must be one of ${limits.oneOf.join(', ')}` };
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

function normaliseTimestamp(limits: { minimum?: string; maximum?: string }, json: unknown): ValueOutcome {
  const refused = { refused: 'must be a time such as 2001-01-31T09:30:00.000Z, with no more than nine digits behind the seconds' };
  if (typeof json !== 'string' || !isDay(json.slice(0, 10))) {
    return refused;
  }
  const time = readInstant(json);
  if (!time) {
    return refused;
  }
  const text = instantText(time);
  const bound = (limit: string | undefined) => (limit === undefined ? undefined : instantText(readInstant(limit) as Date));
  const [minimum, maximum] = [bound(limits.minimum), bound(limits.maximum)];
  if (minimum !== undefined && sortableInstant(text) < sortableInstant(minimum)) {
    return { refused: `must not be before ${minimum}` };
  }
  if (maximum !== undefined && sortableInstant(text) > sortableInstant(maximum)) {
    return { refused: `must not be after ${maximum}` };
  }
  return { value: text };
}

/** Dates sort as their text does. */
function inTime(limits: { minimum?: string | undefined; maximum?: string | undefined }, text: string): ValueOutcome {
  if (limits.minimum !== undefined && text < limits.minimum) {
    return { refused: `must not be before ${limits.minimum}` };
  }
  if (limits.maximum !== undefined && text > limits.maximum) {
    return { refused: `must not be after ${limits.maximum}` };
  }
  return { value: text };
}

function normaliseGeopoint(json: unknown): ValueOutcome {
  const refused = { refused: 'must have a latitude of -90 to 90 and a longitude of -180 to 180 degrees, and nothing else' };
  if (typeof json !== 'object' || json === null || Object.keys(json).length !== 2) {
    return refused;
  }
  const { latitude, longitude } = json as { latitude?: unknown; longitude?: unknown };
  if (!isLatitude(latitude) || !isLongitude(longitude)) {
    return refused;
  }
  return { value: { latitude: latitude === 0 ? 0 : latitude, longitude: longitude === 0 ? 0 : longitude } };
}
