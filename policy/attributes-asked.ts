import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { JsonObject } from '../ontology/json.ts';
import { nearestName } from '../ontology/nearest-name.ts';
import { type PolicyAction, policyActions } from '../ontology/policy-engine.ts';
import { concerns } from './actions-of.ts';
import { type CedarEntity, entityOf } from './cedar-entity.ts';

/**
 * What a Cedar policy asks for with `has` and nothing bears at that place. Cedar's check takes such a question for one whose answer is no, so a prohibition with a misspelt
 * name would never hold. In words, one for each.
 */
export function unknownAttributes(schema: JsonObject, { action, conditions }: PolicyJson): string[] {
  const places = new Places(schema[''] as unknown as Schema, action);
  const found: string[] = [];
  visit(conditions, (asked) => {
    let at = places.of(asked.left);
    for (const name of [asked.attr].flat()) {
      const names = at.flatMap((place) => [...place.names]);
      if (!names.includes(name)) {
        found.push(inWords(name, names));
        return;
      }
      at = at.flatMap((place) => place.at(name));
    }
  });
  return found;
}

function inWords(name: string, names: readonly string[]): string {
  const near = nearestName(name, names);
  const shown = name.length > longestShown ? `${name.slice(0, longestShown).toWellFormed()}…` : name;
  return `asks whether there is ${JSON.stringify(shown)}, which there never is at that place${near === null ? '' : `; did you mean ${JSON.stringify(near)}?`}`;
}

const longestShown = 80; // Names of an ontology have at most 63 characters.

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

interface Schema {
  commonTypes: Record<string, JsonObject>;
  entityTypes: Record<string, { shape?: JsonObject }>;
  actions: Record<string, { appliesTo: { context: JsonObject } }>;
}

/** A record or an entity, with the attributes that it may have. */
interface Place {
  names: readonly string[];
  at(name: string): Place[];
}

/** What an expression may be, by the schema; none where it bears no attributes. */
class Places {
  private readonly schema: Schema;
  private readonly actions: readonly PolicyAction[];

  constructor(schema: Schema, scope: PolicyJson['action']) {
    this.schema = schema;
    this.actions = policyActions.filter((action) => concerns(scope, action));
  }

  of(expression: object): Place[] {
    return Object.entries(expression).flatMap(([op, args]) => {
      switch (op) {
        case 'Var':
          return this.ofVariable(args);
        case 'Value':
          return typeof args === 'object' && args !== null && '__entity' in args ? this.ofEntity(entityOf(args)) : [];
        case '.':
          return [args.attr].flat().reduce((places: Place[], name) => places.flatMap((place) => place.at(name)), this.of(args.left));
        case 'if-then-else':
          return [...this.of(args.then), ...this.of(args.else)];
        case 'Record':
          return [{ names: Object.keys(args), at: (name: string) => (Object.hasOwn(args, name) ? this.of(args[name]) : []) }];
        default:
          return [];
      }
    });
  }

  private ofVariable(name: string): Place[] {
    if (name === 'principal') return this.ofEntity({ type: 'Principal' });
    if (name !== 'context') return [];
    return this.actions.flatMap((action) => this.ofType(this.schema.actions[action]?.appliesTo.context));
  }

  private ofEntity({ type }: Pick<CedarEntity, 'type'>): Place[] {
    return this.ofType(this.schema.entityTypes[type]?.shape);
  }

  private ofType(type: JsonObject | undefined): Place[] {
    if (type === undefined) return [];
    if (type.type === 'Entity') return this.ofEntity({ type: String(type.name) });
    if (type.type !== 'Record') return this.ofType(this.schema.commonTypes[String(type.type)]);
    const attributes = type.attributes as Record<string, JsonObject>;
    return [{ names: Object.keys(attributes), at: (name) => (Object.hasOwn(attributes, name) ? this.ofType(attributes[name]) : []) }];
  }
}
