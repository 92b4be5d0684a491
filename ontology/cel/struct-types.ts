import type { AnyDefinition, StructDefinition } from '../definition.ts';

const names = new WeakMap<StructDefinition, string>();

/** The structs inside a definition, outermost first, each with the steps that lead to it. */
export function structsIn(
  definition: AnyDefinition,
  path: readonly string[] = [],
): { struct: StructDefinition; path: readonly string[] }[] {
  if (definition.type === 'array') {
    return structsIn(definition.items, path);
  }
  if (definition.type !== 'struct') {
    return [];
  }
  const inner = Object.entries(definition.properties).flatMap(([name, field]) => structsIn(field, [...path, name]));
  return [{ struct: definition, path }, ...inner];
}

/**
 * Gives every struct of a definition its type in expressions, named after where it stands so that an author recognises it in a fault. A struct keeps its name; `taken`
 * sees to it that no two of one document share one, which hyphens turned into dots could bring about.
 */
export function nameStructs(definition: AnyDefinition, path: readonly string[], taken: Set<string>): StructDefinition[] {
  return structsIn(definition, path).map(({ struct, path: at }) => {
    const wanted = `struct.${at.join('.').replaceAll('-', '.')}`;
    let name = wanted;
    for (let count = 2; taken.has(name); count++) {
      name = `${wanted}.${count}`;
    }
    taken.add(name);
    names.set(struct, name);
    return struct;
  });
}

/** @throws for a struct that was never named, which is a bug. */
export function structCelType(struct: StructDefinition): string {
  const name = names.get(struct);
  if (name === undefined) {
    throw new Error('a struct has no name in expressions');
  }
  return name;
}
