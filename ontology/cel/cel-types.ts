import type { AnyDefinition } from '../definition.ts';
import { structCelType } from './struct-types.ts';

/** Names of types as the CEL library writes them. */
export const timestampType = 'google.protobuf.Timestamp';
export const decimalType = 'decimal';
export const geopointType = 'geopoint';

export function objectCelType(objectType: string): string {
  return `object.${objectType}`;
}

/** The object type behind a CEL type name, if it is one. */
export function objectTypeOf(celType: string): string | undefined {
  return celType.startsWith('object.') ? celType.slice('object.'.length) : undefined;
}

/** How a stored value appears in expressions. References are ids here; only parameters and loop variables are whole objects. */
export function celTypeOf(definition: AnyDefinition): string {
  switch (definition.type) {
    case 'boolean':
      return 'bool';
    case 'integer':
    case 'long':
      return 'int';
    case 'double':
      return 'double';
    case 'decimal':
      return decimalType;
    case 'timestamp':
      return timestampType;
    case 'geopoint':
      return geopointType;
    case 'struct':
      return structCelType(definition);
    case 'string':
    case 'date':
    case 'enum':
    case 'reference':
      return 'string';
    case 'array':
      return `list<${celTypeOf(definition.items)}>`;
  }
}

/** Whether an expression of this type may become a value of this definition. `dyn` and null are let through and looked at when they have a value. */
export function fits(celType: string, definition: AnyDefinition): boolean {
  if (celType === 'dyn' || celType === 'null' || celType === celTypeOf(definition)) {
    return true;
  }
  switch (definition.type) {
    case 'double':
      return celType === 'int';
    case 'decimal':
      return celType === 'string' || celType === 'int';
    case 'date':
      return celType === timestampType;
    case 'reference':
      return celType === objectCelType(definition.to);
    case 'struct':
      return celType.startsWith('map<') || celType.startsWith('struct.'); // Fields are looked at when there are any.
    case 'array': {
      const item = /^list<(.*)>$/.exec(celType)?.[1];
      // An empty list literal has a placeholder for its item type, and a list of dyn shows as plain `list`.
      return celType === 'list' || (item !== undefined && (/^[A-Z]$/.test(item) || fits(item, definition.items)));
    }
    default:
      return false;
  }
}

/** What the author is told was expected. */
export function describeType(definition: AnyDefinition): string {
  return definition.type === 'array' ? `list of ${describeType(definition.items)}` : definition.type;
}
