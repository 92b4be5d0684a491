import { celTypeOf, objectCelType } from './cel/cel-types.ts';
import type {
  AnyDefinition,
  FieldDefinition,
  OntologyDocument,
  ParameterDefinition,
  StructDefinition,
  ValueDefinition,
} from './definition.ts';

/** A filter of this length is a program; functions are the place for those. */
const maximumFilter = 2000;

/**
 * What a parameter's JSON looks like, in terms of plain values: a reference to an interface says the type beside the id, since ids of different types may be equal,
 * and an object set is a filter.
 */
export function shapeOf(document: OntologyDocument, definition: ParameterDefinition): AnyDefinition {
  switch (definition.type) {
    case 'objectSet':
      return { type: 'struct', properties: { filter: { type: 'string', maxLength: maximumFilter, required: true } } };
    case 'reference':
      return isInterface(document, definition.to) ? referenceShape(document, definition.to) : definition;
    case 'array': {
      const { items } = definition;
      const isOfInterface = items.type === 'reference' && isInterface(document, items.to);
      return isOfInterface ? { ...definition, items: referenceShape(document, items.to) } : definition;
    }
    default:
      return definition;
  }
}

function referenceShape(document: OntologyDocument, name: string): StructDefinition {
  const values = Object.entries(document.objectTypes).flatMap(([type, { implements: all }]) => (all?.includes(name) ? [type] : []));
  return {
    type: 'struct',
    properties: { type: { type: 'enum', values: values.sort(), required: true }, id: { type: 'reference', to: name, required: true } },
  };
}

function isInterface(document: OntologyDocument, name: string): boolean {
  return Object.hasOwn(document.interfaces ?? {}, name);
}

/** How a parameter appears in expressions: references as the objects they lead to. */
export function parameterCelType(definition: ParameterDefinition): string {
  const item = itemCelType(definition);
  return item === undefined ? valueCelType(definition as ValueDefinition | StructDefinition) : `list<${item}>`;
}

/** The type of one item of a list or an object set; undefined for what is neither. */
export function itemCelType(definition: ParameterDefinition): string | undefined {
  switch (definition.type) {
    case 'array':
      return valueCelType(definition.items);
    case 'objectSet':
      return objectCelType(definition.of);
    default:
      return undefined;
  }
}

function valueCelType(definition: ValueDefinition | StructDefinition): string {
  return definition.type === 'reference' ? objectCelType(definition.to) : celTypeOf(definition);
}

/** The type whose objects a parameter refers to: by itself, as a list, or as a set. */
export function referredType(definition: ParameterDefinition | FieldDefinition): string | undefined {
  if (definition.type === 'objectSet') {
    return definition.of;
  }
  const value = definition.type === 'array' ? definition.items : definition;
  return value.type === 'reference' ? value.to : undefined;
}
