import { canonicalText } from './canonical-json.ts';
import { nameStructs } from './cel/struct-types.ts';
import { checkValueDefinition, unselectable } from './check-value-definition.ts';
import type { CompiledInterface } from './compiled-ontology.ts';
import type { OntologyDocument, PropertyDefinition } from './definition.ts';
import type { FaultList } from './fault-list.ts';
import { pointerTo } from './json.ts';

/** Checks interfaces, and that each type which says it implements one does. Names are shared with object types, since both are types of objects in expressions. */
export function compileInterfaces(document: OntologyDocument, taken: Set<string>, faults: FaultList): Map<string, CompiledInterface> {
  const interfaces = new Map<string, CompiledInterface>();
  for (const [name, definition] of Object.entries(document.interfaces ?? {})) {
    const base = pointerTo('/interfaces', name);
    if (Object.hasOwn(document.objectTypes, name) || Object.hasOwn(document.linkTypes ?? {}, name)) {
      faults.add(base, 'an object or link type has the same name');
    }
    for (const [property, at] of Object.entries(definition.properties)) {
      checkShared(document, property, at, pointerTo(base, 'properties', property), faults);
      nameStructs(at, [name, property], taken);
    }
    const implementers = Object.entries(document.objectTypes).flatMap(([type, { implements: all }]) => (all?.includes(name) ? [type] : []));
    interfaces.set(name, {
      name,
      definition,
      properties: new Map(Object.entries(definition.properties)),
      implementers: implementers.sort(),
    });
  }
  checkImplementers(document, faults);
  return interfaces;
}

function checkShared(document: OntologyDocument, name: string, definition: PropertyDefinition, pointer: string, faults: FaultList): void {
  if (name === 'id' || unselectable.has(name)) {
    faults.add(pointer, name === 'id' ? 'id is what every object has' : 'is a word of the expression language');
  }
  for (const word of ['default', 'indexed', 'unique', 'sensitive'] as const) {
    if (definition[word] !== undefined) {
      faults.addAt(pointer, [word], 'is for the types that implement the interface to say');
    }
  }
  checkValueDefinition(document, definition, pointer, faults);
}

function checkImplementers(document: OntologyDocument, faults: FaultList): void {
  for (const [type, definition] of Object.entries(document.objectTypes)) {
    const base = pointerTo('/objectTypes', type);
    for (const [at, name] of (definition.implements ?? []).entries()) {
      const shape = Object.hasOwn(document.interfaces ?? {}, name) ? document.interfaces?.[name] : undefined;
      if (!shape || definition.implements?.indexOf(name) !== at) {
        faults.addAt(base, ['implements', at], shape ? `${name} is named twice` : `there is no interface ${name}`);
        continue;
      }
      for (const [property, asked] of Object.entries(shape.properties)) {
        const own = Object.hasOwn(definition.properties, property) ? definition.properties[property] : undefined;
        if (!own || meaningOf(own) !== meaningOf(asked)) {
          faults.addAt(base, ['properties', property], `${name} asks for it${own ? ' with another type or other constraints' : ''}`);
        } else if (asked.required && !own.required && property !== definition.key) {
          faults.addAt(base, ['properties', property, 'required'], `${name} requires it`);
        }
      }
    }
  }
}

const notMeant = new Set(['title', 'description', 'unit', 'required', 'default', 'indexed', 'unique', 'sensitive']);

function meaningOf(definition: PropertyDefinition): string {
  return canonicalText(Object.fromEntries(Object.entries(definition).filter(([word]) => !notMeant.has(word))));
}
