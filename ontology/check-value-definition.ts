import { compilePattern } from './compile-pattern.ts';
import { Decimal } from './decimal.ts';
import type { AnyDefinition, OntologyDocument, StructDefinition } from './definition.ts';
import type { FaultList } from './fault-list.ts';
import { sortableInstant } from './instant.ts';
import { isStorableText, pointerTo } from './json.ts';
import { normaliseScalar } from './scalar-value.ts';
import { normaliseValue } from './value.ts';

/** Words of the expression language, which could never be selected from an object. */
export const unselectable = new Set([
  'true',
  'false',
  'null',
  'in',
  'as',
  'break',
  'const',
  'continue',
  'else',
  'for',
  'function',
  'if',
  'import',
  'let',
]);

/** Where a definition stands, which decides what may be referred to from there. */
export type Place =
  /** A property: refers to object types, and not from inside a struct, where neither the door nor the index would find it. */
  | 'property'
  /** A parameter, which may also take an object of an interface. */
  | 'parameter';

/** What a definition asks of values must be possible: limits that can be read and meet, patterns that compile, references that lead somewhere. */
export function checkValueDefinition(
  document: OntologyDocument,
  definition: AnyDefinition,
  pointer: string,
  faults: FaultList,
  place: Place = 'property',
): void {
  switch (definition.type) {
    case 'array':
      checkOrder(definition.minItems, definition.maxItems, (a, b) => a <= b, pointer, faults);
      checkValueDefinition(document, definition.items, pointerTo(pointer, 'items'), faults, place);
      return;
    case 'struct':
      checkFields(document, definition, pointer, faults, place);
      return;
    case 'reference':
      if (
        !Object.hasOwn(document.objectTypes, definition.to) &&
        !(place === 'parameter' && Object.hasOwn(document.interfaces ?? {}, definition.to))
      ) {
        faults.addAt(pointer, ['to'], `there is no object type ${definition.to}`);
      }
      return;
    case 'enum':
      checkTexts(definition.values, pointerTo(pointer, 'values'), faults);
      return;
    case 'string':
      checkTexts(definition.oneOf ?? [], pointerTo(pointer, 'oneOf'), faults);
      checkOrder(definition.minLength, definition.maxLength, (a, b) => a <= b, pointer, faults);
      checkPattern(definition.pattern, pointerTo(pointer, 'pattern'), faults);
      return;
    case 'integer':
    case 'double':
      checkOrder(definition.minimum, definition.maximum, (a, b) => a <= b, pointer, faults);
      return;
    case 'date':
    case 'timestamp':
      checkTimes(definition, pointer, faults);
      return;
    case 'long':
    case 'decimal':
      checkDigits(definition, pointer, faults);
      return;
    default:
      return;
  }
}

function checkFields(document: OntologyDocument, struct: StructDefinition, pointer: string, faults: FaultList, place: Place): void {
  for (const [name, field] of Object.entries(struct.properties)) {
    const at = pointerTo(pointer, 'properties', name);
    if (unselectable.has(name)) {
      faults.add(at, 'is a word of the expression language');
    }
    if (place === 'property' && (field.type === 'array' ? field.items : field).type === 'reference') {
      faults.add(at, 'a struct in an object refers to nothing; make it a property of the object');
    }
    checkValueDefinition(document, field, at, faults, place);
    checkDefault(field, field.default, at, faults);
  }
}

function checkTimes(
  definition: { type: 'date' | 'timestamp'; minimum?: string; maximum?: string },
  pointer: string,
  faults: FaultList,
): void {
  const [minimum, maximum] = (['minimum', 'maximum'] as const).map((limit) => {
    const text = definition[limit];
    const outcome = text === undefined ? undefined : normaliseScalar({ type: definition.type }, text);
    if (outcome && 'refused' in outcome) {
      faults.addAt(pointer, [limit], outcome.refused);
    }
    return outcome && 'value' in outcome ? (outcome.value as string) : undefined;
  });
  const sortable = definition.type === 'timestamp' ? sortableInstant : (text: string) => text;
  checkOrder(minimum, maximum, (a, b) => sortable(a) <= sortable(b), pointer, faults);
}

function checkDigits(
  definition: { type: 'long' | 'decimal'; minimum?: string; maximum?: string; oneOf?: string[] },
  pointer: string,
  faults: FaultList,
): void {
  for (const [at, text] of (definition.oneOf ?? []).entries()) {
    if ('refused' in normaliseScalar({ type: definition.type }, text)) {
      faults.addAt(pointer, ['oneOf', at], `is no ${definition.type}`);
    }
  }
  for (const limit of ['minimum', 'maximum'] as const) {
    const text = definition[limit];
    if (text !== undefined && 'refused' in normaliseScalar({ type: definition.type }, text)) {
      faults.addAt(pointer, [limit], `is no ${definition.type}`);
      return;
    }
  }
  const isOrdered = (a: string, b: string) => (Decimal.parse(a) as Decimal).compare(Decimal.parse(b) as Decimal) <= 0;
  checkOrder(definition.minimum, definition.maximum, isOrdered, pointer, faults);
}

function checkOrder<T>(
  minimum: T | undefined,
  maximum: T | undefined,
  isOrdered: (a: T, b: T) => boolean,
  pointer: string,
  faults: FaultList,
): void {
  if (minimum !== undefined && maximum !== undefined && !isOrdered(minimum, maximum)) {
    faults.add(pointer, 'asks for more than it allows');
  }
}

function checkTexts(texts: readonly string[], pointer: string, faults: FaultList): void {
  if (new Set(texts).size !== texts.length) {
    faults.add(pointer, 'names a value twice');
  }
  if (!texts.every(isStorableText)) {
    faults.add(pointer, 'must not contain U+0000 or half a surrogate pair');
  }
}

function checkPattern(pattern: string | undefined, pointer: string, faults: FaultList): void {
  const outcome = compilePattern(pattern ?? '');
  if ('refused' in outcome) {
    faults.add(pointer, outcome.refused);
  }
}

export function checkDefault(definition: AnyDefinition, value: unknown, pointer: string, faults: FaultList): void {
  if (value === undefined || !faults.isEmpty) {
    return; // A faulty definition cannot judge its default.
  }
  const outcome = normaliseValue(definition, value);
  if ('refused' in outcome) {
    faults.addAt(pointer, ['default'], outcome.refused);
  }
}
