import type { AnyDefinition } from './definition.ts';
import type { JsonScalar } from './json.ts';

export type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

/** What is asked about: a property, or what its value holds at `path`: a field of a struct, or the latitude or longitude of a point. */
interface Held {
  property: string;
  path?: string[];
}

/**
 * A question about one object that both PostgreSQL and memory can answer. The property `id` is the object's id.
 * A comparison with an absent property is false, except `ne`, which is true. `{ all: [] }` selects everything, `{ any: [] }` nothing.
 */
export type Condition =
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition }
  | (Held & { op: Comparison; value: JsonScalar })
  | (Held & { op: 'in'; values: JsonScalar[] })
  /** The array property has this element. */
  | (Held & { op: 'contains'; value: JsonScalar })
  /** How many elements the array has. */
  | (Held & { op: 'size'; is: Comparison; value: number })
  /** The array property has at least one of these texts: one question for what would be thousands of `contains`. */
  | (Held & { op: 'containsAny'; values: string[] })
  /** `includes` asks whether the text holds this one anywhere. */
  | (Held & { op: 'startsWith' | 'endsWith' | 'includes'; value: string })
  | (Held & { op: 'present' });

/** The definition of what a struct or a point holds by this name. */
export function fieldOf(definition: AnyDefinition | undefined, name: string): AnyDefinition | undefined {
  if (definition?.type === 'geopoint') return name === 'latitude' || name === 'longitude' ? { type: 'double' } : undefined;
  const isField = definition?.type === 'struct' && Object.hasOwn(definition.properties, name);
  return isField ? definition.properties[name] : undefined;
}
