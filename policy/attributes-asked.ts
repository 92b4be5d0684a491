import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { JsonObject } from '../ontology/json.ts';
import { neverThere } from './never-there.ts';
import { Places } from './places.ts';

/**
 * What a Cedar policy asks for with `has` and nothing bears at that place. Cedar's check takes such a question for one whose answer is no, so a prohibition with a misspelt
 * name would never hold. In words, one for each.
 */
export function unknownAttributes(schema: JsonObject, { action, conditions }: PolicyJson): string[] {
  const places = new Places(schema, action);
  const found: string[] = [];
  visit(conditions, (asked) => {
    let at = places.of(asked.left);
    for (const name of [asked.attr].flat()) {
      const names = at.flatMap((place) => [...place.names]);
      if (!names.includes(name)) {
        found.push(neverThere('asks whether there is', name, names));
        return;
      }
      at = at.flatMap((place) => place.at(name));
    }
  });
  return found;
}

interface Asked {
  left: object;
  attr: string | string[];
}

/** The depth is bounded by what Cedar parses. */
function visit(expression: unknown, on: (asked: Asked) => void): void {
  if (typeof expression !== 'object' || expression === null) return;
  for (const [key, inner] of Object.entries(expression)) {
    if (key === 'has' && typeof inner === 'object' && inner !== null && 'attr' in inner) on(inner as Asked);
    visit(inner, on);
  }
}
