import { z } from 'zod';

/** Schemas with a name of their own in the OpenAPI document. */
export const components = z.registry<{ id: string; description?: string }>();

export function component<S extends z.ZodType>(id: string, schema: S, description?: string): S {
  components.add(schema, description === undefined ? { id } : { id, description });
  return schema;
}
