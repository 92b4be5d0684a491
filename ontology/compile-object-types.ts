import { nameStructs } from './cel/struct-types.ts';
import { checkDefault, checkValueDefinition, unselectable } from './check-value-definition.ts';
import type { CompiledObjectType } from './compiled-ontology.ts';
import type { ObjectTypeDefinition, OntologyDocument, PropertyDefinition } from './definition.ts';
import type { FaultList } from './fault-list.ts';
import { pointerTo } from './json.ts';

/** Checks object types on their own and against each other. What is faulty is left out. `taken` gathers the names of structs. */
export function compileObjectTypes(document: OntologyDocument, taken: Set<string>, faults: FaultList): Map<string, CompiledObjectType> {
  const types = new Map<string, CompiledObjectType>();
  for (const [name, definition] of Object.entries(document.objectTypes)) {
    const base = pointerTo('/objectTypes', name);
    const references: Record<string, string> = {};
    for (const [property, at] of Object.entries(definition.properties)) {
      checkProperty(document, definition, property, at, pointerTo(base, 'properties', property), faults);
      nameStructs(at, [name, property], taken);
      const target = at.type === 'array' ? at.items : at;
      if (target.type === 'reference') {
        references[property] = target.to;
      }
    }
    checkKey(definition, base, faults);
    const unique = uniqueProperties(document, name, definition);
    types.set(name, {
      name,
      definition,
      properties: new Map(Object.entries(definition.properties)),
      references,
      indexed: indexedProperties(definition, references, unique),
      unique,
      implements: definition.implements ?? [],
      minimumApprovals: definition.minimumApprovals ?? 0,
      ...(definition.key === undefined ? {} : { key: definition.key }),
    });
  }
  return types;
}

function indexedProperties(definition: ObjectTypeDefinition, references: Record<string, string>, unique: readonly string[]): string[] {
  const asked = Object.entries(definition.properties).flatMap(([name, property]) => (property.indexed ? [name] : []));
  return [...new Set([...asked, ...Object.keys(references), ...unique])].sort();
}

/** The key is unique by being the id. */
function uniqueProperties(document: OntologyDocument, type: string, definition: ObjectTypeDefinition): string[] {
  const links = Object.values(document.linkTypes ?? {});
  const linked = links.flatMap((link) => (link.cardinality === 'one-to-one' && link.to === type ? [link.via] : []));
  const asked = Object.entries(definition.properties).flatMap(([name, { unique }]) => (unique && name !== definition.key ? [name] : []));
  return [...new Set([...linked, ...asked])].sort();
}

function checkKey(definition: ObjectTypeDefinition, base: string, faults: FaultList): void {
  if (definition.key === undefined) {
    return;
  }
  const key = Object.hasOwn(definition.properties, definition.key) ? definition.properties[definition.key] : undefined;
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
  if (key.sensitive) {
    faults.addAt(base, ['properties', definition.key, 'sensitive'], 'a key is the id, which everybody sees');
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
  const held = definition.type === 'array' ? definition.items.type : definition.type;
  if (definition.indexed && (held === 'struct' || held === 'geopoint')) {
    faults.addAt(pointer, ['indexed'], `a ${held} has no order and cannot be indexed`);
  }
  if (definition.unique && ['array', 'struct', 'geopoint', 'boolean'].includes(definition.type)) {
    faults.addAt(pointer, ['unique'], `a ${definition.type} cannot be unique`);
  }
  checkValueDefinition(document, definition, pointer, faults);
  checkDefault(definition, definition.default, pointer, faults);
}
