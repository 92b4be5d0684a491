import type { JsonScalar } from './json.ts';

/**
 * A question about one object that both PostgreSQL and memory can answer. The property `id` is the object's id.
 * A comparison with an absent property is false, except `ne`, which is true. `{ all: [] }` selects everything, `{ any: [] }` nothing.
 */
export type Condition =
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition }
  | { property: string; op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'; value: JsonScalar }
  | { property: string; op: 'in'; values: JsonScalar[] }
  /** The array property has this element. */
  | { property: string; op: 'contains'; value: JsonScalar }
  /** The array property has at least one of these texts: one question for what would be thousands of `contains`. */
  | { property: string; op: 'containsAny'; values: string[] }
  /** `includes` asks whether the text holds this one anywhere. */
  | { property: string; op: 'startsWith' | 'endsWith' | 'includes'; value: string }
  | { property: string; op: 'present' };
