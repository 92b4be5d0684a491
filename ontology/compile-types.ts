import { compilePattern } from './compile-pattern.ts';
import type { CompiledLinkType, CompiledObjectType } from './compiled-ontology.ts';
import { Decimal } from './decimal.ts';
import type { ArrayDefinition, ObjectTypeDefinition, OntologyDocument, PropertyDefinition, ValueDefinition } from './definition.ts';
import type { FaultList } from './fault-list.ts';
import { isStorableText, pointerTo } from './json.ts';
import { normaliseValue } from './value.ts';

/** Words of the expression language, which could never be selected from an object. */
const unselectable = new Set([
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

/** Checks object types on their own and against each other. What is faulty is left out. */
export function compileObjectTypes(document: OntologyDocument, faults: FaultList): Map<string, CompiledObjectType> {
  const types = new Map<string, CompiledObjectType>();
  for (const [name, definition] of Object.entries(document.objectTypes)) {
    const base = pointerTo('/objectTypes', name);
    const references: Record<string, string> = {};
    for (const [property, at] of Object.entries(definition.properties)) {
      checkProperty(document, definition, property, at, pointerTo(base, 'properties', property), faults);
      const target = at.type === 'array' ? at.items : at;
      if (target.type === 'reference') {
        references[property] = target.to;
      }
    }
    checkKey(definition, base, faults);
    const properties = new Map(Object.entries(definition.properties));
    const indexed = [...properties]
      .filter(([property, at]) => at.indexed === true || references[property] !== undefined)
      .map(([property]) => property);
    types.set(name, {
      name,
      definition,
      properties,
      references,
      indexed: indexed.sort(),
      unique: uniqueProperties(document, name),
      minimumApprovals: definition.minimumApprovals ?? 0,
      ...(definition.key === undefined ? {} : { key: definition.key }),
    });
  }
  return types;
}

function uniqueProperties(document: OntologyDocument, type: string): string[] {
  const links = Object.values(document.linkTypes ?? {});
  return [...new Set(links.flatMap((link) => (link.cardinality === 'one-to-one' && link.to === type ? [link.via] : [])))].sort();
}

function checkKey(definition: ObjectTypeDefinition, base: string, faults: FaultList): void {
  if (definition.key === undefined) {
    return;
  }
  const key = definition.properties[definition.key];
  if (key?.type !== 'string') {
    faults.addAt(
      base,
      ['key'],
      key ? 'the key property must be a string, since its text is the id' : `there is no property ${definition.key}`,
    );
    return;
  }
  if (key.default !== undefined) {
    faults.addAt(base, ['properties', definition.key, 'default'], 'a key has no default');
  }
  if (key.required === false) {
    faults.addAt(base, ['properties', definition.key, 'required'], 'a key is always required, also where this is left out');
  }
}

function checkProperty(
  document: OntologyDocument,
  type: ObjectTypeDefinition,
  name: string,
  definition: PropertyDefinition,
  pointer: string,
  faults: FaultList,
): void {
  if (name === 'id' && type.key !== 'id') {
    faults.add(pointer, 'id is what every object has; only a key property may be called so');
  }
  if (unselectable.has(name)) {
    faults.add(pointer, 'is a word of the expression language');
  }
  checkValueDefinition(document, definition, pointer, faults);
  checkDefault(definition, definition.default, pointer, faults);
}

/** What a definition asks of values must be possible: limits that can be read and meet, patterns that compile, references that lead somewhere. */
export function checkValueDefinition(
  document: OntologyDocument,
  definition: ValueDefinition | ArrayDefinition,
  pointer: string,
  faults: FaultList,
): void {
  switch (definition.type) {
    case 'array':
      checkValueDefinition(document, definition.items, pointerTo(pointer, 'items'), faults);
      return;
    case 'reference':
      if (!Object.hasOwn(document.objectTypes, definition.to)) {
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
    case 'long':
    case 'decimal':
      checkDigits(definition, pointer, faults);
      return;
    default:
      return;
  }
}

function checkDigits(
  definition: { type: 'long' | 'decimal'; minimum?: string; maximum?: string },
  pointer: string,
  faults: FaultList,
): void {
  for (const limit of ['minimum', 'maximum'] as const) {
    const text = definition[limit];
    if (text !== undefined && 'refused' in normaliseValue({ type: definition.type }, text)) {
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

export function checkDefault(definition: ValueDefinition | ArrayDefinition, value: unknown, pointer: string, faults: FaultList): void {
  if (value === undefined || !faults.isEmpty) {
    return; // A faulty definition cannot judge its default.
  }
  const outcome = normaliseValue(definition, value);
  if ('refused' in outcome) {
    faults.addAt(pointer, ['default'], outcome.refused);
  }
}

/** Checks link types against the object types. Names are shared with object types, since both have counters and rows in surfaces under them. */
export function compileLinkTypes(document: OntologyDocument, faults: FaultList): Map<string, CompiledLinkType> {
  const types = new Map<string, CompiledLinkType>();
  for (const [name, definition] of Object.entries(document.linkTypes ?? {})) {
    const base = pointerTo('/linkTypes', name);
    if (Object.hasOwn(document.objectTypes, name)) {
      faults.add(base, 'an object type has the same name');
    }
    for (const end of ['from', 'to'] as const) {
      if (!Object.hasOwn(document.objectTypes, definition[end])) {
        faults.addAt(base, [end], `there is no object type ${definition[end]}`);
      }
    }
    if (definition.cardinality !== 'many-to-many') {
      const via = document.objectTypes[definition.to]?.properties[definition.via];
      if (via?.type !== 'reference' || via.to !== definition.from) {
        faults.addAt(base, ['via'], `must be a property of ${definition.to} that refers to ${definition.from}`);
      }
    }
    const { cardinality, from, to } = definition;
    types.set(name, {
      name,
      definition,
      cardinality,
      from,
      to,
      ...(definition.cardinality === 'many-to-many' ? {} : { via: definition.via }),
    });
  }
  return types;
}
