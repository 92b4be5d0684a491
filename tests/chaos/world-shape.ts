import type { OntologyDocument } from '../../ontology/definition.ts';
import type { JsonObject } from '../../ontology/json.ts';

/** What must hold of all objects and links together. */
export interface WorldShape {
  /** Properties of which no two objects of a type have the same value. */
  unique: Map<string, string[]>;
  /** By type and property, what a reference refers to. */
  references: Map<string, Map<string, string>>;
  /** Types of the ends of links that have rows. */
  ends: Map<string, { from: string; to: string }>;
}

export function worldShape({ objectTypes, linkTypes = {} }: OntologyDocument): WorldShape {
  const shape: WorldShape = { unique: new Map(), references: new Map(), ends: new Map() };
  for (const [type, { properties }] of Object.entries(objectTypes)) {
    const all = Object.entries(properties);
    const references = all.flatMap(([name, property]) => (property.type === 'reference' ? [[name, property.to] as const] : []));
    shape.references.set(type, new Map(references));
    shape.unique.set(
      type,
      all.flatMap(([name, property]) => ('unique' in property && property.unique ? [name] : [])),
    );
  }
  for (const [link, { from, to, cardinality }] of Object.entries(linkTypes))
    if (cardinality === 'many-to-many') shape.ends.set(link, { from, to });
  return shape;
}

/** Whatever refers to what is not there: `from` and `to` by type and id, `property` being `$` of a link. */
export function dangling(shape: WorldShape, there: ReadonlyMap<string, JsonObject>): { from: string; property: string; to: string }[] {
  return [...there].flatMap(([from, properties]) => {
    const [type = '', ...ids] = from.split(' ');
    const ends = shape.ends.get(type);
    const aims =
      ends === undefined
        ? [...(shape.references.get(type) ?? [])].flatMap(([property, to]) =>
            properties[property] === undefined ? [] : [{ property, to: `${to} ${properties[property]}` }],
          )
        : [`${ends.from} ${ids[0]}`, `${ends.to} ${ids[1]}`].map((to) => ({ property: '$', to }));
    return aims.filter(({ to }) => !there.has(to)).map((aim) => ({ from, ...aim }));
  });
}
