import type { JsonValue } from './json.ts';

/**
 * One live object as a snapshot shows it. `version` rises by one with each execution that touches the object. `propertyVersions['$']` is the version that created
 * the object, and with it wrote every property, also those it left absent; a property that was written since has a version of its own. Versions never restart,
 * not even after delete and re-create.
 */
export interface ObjectState {
  type: string;
  id: string;
  version: number;
  properties: Record<string, JsonValue>;
  propertyVersions: Record<string, number>;
}

/** One row of a many-to-many link type. Links of the other cardinalities are reference properties and have no rows. */
export interface LinkState {
  link: string;
  from: string;
  to: string;
}

/** The pseudo-property under which an object's existence is read and versioned. */
export const existence = '$';

/** The version that last wrote a property. */
export function propertyVersion(object: ObjectState, property: string): number {
  return object.propertyVersions[property] ?? object.propertyVersions[existence] ?? 0;
}
