import type { JsonSchema } from '../ontology/event-data.ts';
import type { JsonValue } from '../ontology/json.ts';

/** A value that fits a schema, from the examples in it; of what is optional nothing. */
export function exampleOf(schema: JsonSchema): JsonValue {
  const [given] = (schema.examples ?? []) as JsonValue[];
  if (given !== undefined) return given;
  if (schema.const !== undefined) return schema.const as JsonValue;
  if (Array.isArray(schema.enum)) return schema.enum[0] as JsonValue;
  if (Array.isArray(schema.anyOf)) return exampleOf(schema.anyOf[0] as JsonSchema);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        ((schema.required ?? []) as string[]).map((name) => [
          name,
          exampleOf((schema.properties as Record<string, JsonSchema>)[name] ?? {}),
        ]),
      );
    case 'array':
      return [];
    case 'boolean':
      return false;
    case 'integer':
    case 'number':
      return 1;
    case 'string':
      return 'text';
    default:
      return null;
  }
}
