import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { LostName } from '../ontology/lost-names.ts';
import type { Policies } from '../ontology/policy-engine.ts';
import { freshCedar, lookInto } from './cedar-module.ts';

/** Which of these names Cedar policies use, by what Cedar parsed, so whatever escapes they are written with. What cannot be read may use each. */
export const namesLost: Policies['namesLost'] = (policies, lost) => {
  if (lost.length === 0) return [];
  const cedar = freshCedar();
  return Object.entries(policies).flatMap(([policy, text]) => {
    const used = lookInto<Used | null>(cedar, text, usedIn, null);
    return lost.filter((name) => used === null || uses(used, name)).map((name) => ({ policy, name }));
  });
};

interface Used {
  /** Attributes of whatever, also of a record that is written out. */
  attributes: Set<string>;
  /** Entities, as text of type and id. */
  entities: Set<string>;
  texts: Set<string>;
}

function uses({ attributes, entities, texts }: Used, { of, words }: LostName): boolean {
  const [name = ''] = words;
  switch (of) {
    case 'actionTypes':
      return entities.has(uidOf('ActionType', name));
    case 'objectTypes':
      return entities.has(uidOf('ObjectType', name)) || (attributes.has('touches') && attributes.has(name));
    case 'sensitive':
      return entities.has(uidOf('SensitiveProperty', name));
    case 'endpoints':
      return entities.has(uidOf('Endpoint', name));
    case 'amounts':
      return attributes.has('amounts') && attributes.has(name);
    case 'attributes':
      return attributes.has('touches') && words.every((word) => attributes.has(word));
    case 'values': {
      const [type = '', property = '', value = ''] = words;
      return ['touches', type, property].every((word) => attributes.has(word)) && texts.has(value);
    }
  }
}

function usedIn(policy: PolicyJson): Used {
  const used: Used = { attributes: new Set(), entities: new Set(), texts: new Set() };
  visit(policy, used);
  return used;
}

/** Its depth is bounded by what Cedar parses. */
function visit(value: unknown, used: Used): void {
  if (typeof value !== 'object' || value === null) return;
  const { type, id } = value as { type?: unknown; id?: unknown };
  if (typeof type === 'string' && typeof id === 'string') used.entities.add(uidOf(type, id));
  for (const [key, inner] of Object.entries(value)) {
    if (key === '.' || key === 'has') {
      for (const attribute of [(inner as { attr: string | string[] }).attr].flat()) used.attributes.add(attribute);
    }
    if (key === 'Record') for (const attribute of Object.keys(inner)) used.attributes.add(attribute);
    if (key === 'Value' && typeof inner === 'string') used.texts.add(inner);
    visit(inner, used);
  }
}

function uidOf(type: string, id: string): string {
  return JSON.stringify([type, id]);
}
