import type { CompiledLinkType } from './compiled-ontology.ts';
import type { LinkTypeDefinition, OntologyDocument } from './definition.ts';
import type { FaultList } from './fault-list.ts';
import { pointerTo } from './json.ts';

/** Checks link types against the object types. Names are shared with object types, since both have counters and rows in surfaces under them. */
export function compileLinkTypes(document: OntologyDocument, faults: FaultList): Map<string, CompiledLinkType> {
  const types = new Map<string, CompiledLinkType>();
  for (const [name, definition] of Object.entries(document.linkTypes ?? {})) {
    const base = pointerTo('/linkTypes', name);
    if (Object.hasOwn(document.objectTypes, name)) {
      faults.add(base, 'an object type has the same name');
    }
    for (const end of ['from', 'to'] as const) {
      if (!Object.hasOwn(document.objectTypes, definition[end])) {
        faults.addAt(base, [end], `there is no object type ${definition[end]}`);
      }
    }
    if (definition.cardinality !== 'many-to-many') {
      checkVia(document, definition, base, faults);
    }
    const { cardinality, from, to } = definition;
    types.set(name, {
      name,
      definition,
      cardinality,
      from,
      to,
      requiredEnds: [...new Set(definition.requiredEnds ?? [])].sort(),
      onDelete: definition.onDelete ?? 'refuse',
      ...(definition.cardinality === 'many-to-many' ? {} : { via: definition.via }),
    });
  }
  checkRivals(document, faults);
  return types;
}

function checkVia(
  document: OntologyDocument,
  definition: Extract<LinkTypeDefinition, { via: string }>,
  base: string,
  faults: FaultList,
): void {
  const properties = document.objectTypes[definition.to]?.properties ?? {};
  const via = Object.hasOwn(properties, definition.via) ? properties[definition.via] : undefined;
  if (via?.type !== 'reference' || via.to !== definition.from) {
    faults.addAt(base, ['via'], `must be a property of ${definition.to} that refers to ${definition.from}`);
    return;
  }
  if (definition.onDelete === 'unlink' && via.required) {
    faults.addAt(base, ['onDelete'], `${definition.via} is required, so it cannot be unset when what it refers to is deleted`);
  }
  if (definition.requiredEnds?.includes('to') && !via.required) {
    faults.addAt(base, ['requiredEnds'], `make ${definition.via} of ${definition.to} required instead`);
  }
}

/** Two link types may stand on one property, but not want different things of it. */
function checkRivals(document: OntologyDocument, faults: FaultList): void {
  const wanted = new Map<string, string>();
  for (const [name, link] of Object.entries(document.linkTypes ?? {})) {
    if (link.cardinality === 'many-to-many') {
      continue;
    }
    const place = `${link.to}.${link.via}`;
    const onDelete = link.onDelete ?? 'refuse';
    if ((wanted.get(place) ?? onDelete) !== onDelete) {
      faults.addAt(pointerTo('/linkTypes', name), ['onDelete'], `another link type over ${place} says otherwise`);
    }
    wanted.set(place, onDelete);
  }
}
