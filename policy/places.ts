import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { JsonObject } from '../ontology/json.ts';
import { type PolicyAction, policyActions } from '../ontology/policy-engine.ts';
import { concerns } from './actions-of.ts';
import { type CedarEntity, entityOf } from './cedar-entity.ts';

/** What an expression of a Cedar policy may be, as far as the schema and what is written there tell. */
export interface Place {
  /** Attributes that it may have; none of what is neither a record nor an entity. */
  names: readonly string[];
  at(name: string): Place[];
  /** The only texts that it may be, or of an entity its names, by which Rego knows it. Not there where it may be any, or is no text. */
  texts?: readonly string[];
  /** Of a set what its elements may be: of one that is written out each of them. */
  elements?: Place[][];
  /** Whether it is a text as it is written in the policy. */
  isLiteral?: true;
}

interface Schema {
  commonTypes: Record<string, JsonObject>;
  entityTypes: Record<string, { shape?: JsonObject; enum?: string[] }>;
  actions: Record<string, { appliesTo: { context: JsonObject } }>;
}

/** Of which nothing is known. */
export const anything: Place = { names: [], at: () => [anything] };

/** What the expressions of one policy may be, by a schema of `cedarSchema` that says of texts which there are. */
export class Places {
  private readonly schema: Schema;
  private readonly actions: readonly PolicyAction[];

  constructor(schema: JsonObject, scope: PolicyJson['action']) {
    this.schema = schema[''] as unknown as Schema;
    this.actions = policyActions.filter((action) => concerns(scope, action));
  }

  /** One for each way in which it may come about. */
  of(expression: object): Place[] {
    return Object.entries(expression).flatMap(([op, args]) => {
      switch (op) {
        case 'Var':
          return this.ofVariable(args);
        case 'Value':
          return this.ofValue(args);
        case '.':
          return [args.attr].flat().reduce((places: Place[], name) => places.flatMap((place) => place.at(name)), this.of(args.left));
        case 'if-then-else':
          return [...this.of(args.then), ...this.of(args.else)];
        case 'Record':
          return [{ names: Object.keys(args), at: (name: string) => (Object.hasOwn(args, name) ? this.of(args[name]) : []) }];
        case 'Set':
          return [{ ...anything, elements: (args as object[]).map((element) => this.of(element)) }];
        default:
          return [anything];
      }
    });
  }

  private ofVariable(name: string): Place[] {
    if (name === 'principal') return this.ofEntity({ type: 'Principal' });
    if (name !== 'context') return [anything];
    return this.actions.flatMap((action) => this.ofType(this.schema.actions[action]?.appliesTo.context));
  }

  private ofValue(value: unknown): Place[] {
    if (typeof value === 'string') return [{ ...anything, texts: [value], isLiteral: true }];
    return typeof value === 'object' && value !== null && '__entity' in value ? this.ofEntity(entityOf(value as never)) : [anything];
  }

  /** An entity of this type. */
  ofEntity({ type }: Pick<CedarEntity, 'type'>): Place[] {
    const { shape, enum: names } = this.schema.entityTypes[type] ?? {};
    return names === undefined ? this.ofType(shape) : [{ ...anything, texts: names.filter((name) => name !== '') }];
  }

  private ofType(type: JsonObject | undefined): Place[] {
    if (type === undefined) return [anything];
    switch (type.type) {
      case 'Entity':
        return this.ofEntity({ type: String(type.name) });
      case 'Set':
        return [{ ...anything, elements: [this.ofType(type.element as JsonObject)] }];
      case 'String':
        return [Array.isArray(type.values) ? { ...anything, texts: type.values as string[] } : anything];
      case 'Record': {
        const attributes = type.attributes as Record<string, JsonObject>;
        return [{ names: Object.keys(attributes), at: (name) => (Object.hasOwn(attributes, name) ? this.ofType(attributes[name]) : []) }];
      }
      default:
        return this.ofType(this.schema.commonTypes[String(type.type)]);
    }
  }
}
