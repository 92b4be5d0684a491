import type { Condition } from './condition.ts';

/** Names of the properties that a condition asks about; one may come several times. */
export function propertiesIn(condition: Condition): string[] {
  if ('all' in condition) return condition.all.flatMap(propertiesIn);
  if ('any' in condition) return condition.any.flatMap(propertiesIn);
  return 'not' in condition ? propertiesIn(condition.not) : [condition.property];
}
