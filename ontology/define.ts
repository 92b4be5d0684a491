import type {
  AnyDefinition,
  ArrayDefinition,
  CreateOrModifyRule,
  CreateRule,
  FieldDefinition,
  ForEachRule,
  FunctionRule,
  ModifyRule,
  ObjectSetDefinition,
  OntologyDocument,
  ParameterDefinition,
  PropertyDefinition,
  Rule,
} from './definition.ts';
import type { Checked } from './document-types.ts';

export type { ParametersOf, PropertiesOf } from './document-types.ts';

// Helpers for writing ontology documents in TypeScript. They add types and nothing else: what they return is the JSON that goes into PUT /v1/ontology.

/**
 * Ties the names in a document together for the compiler: a reference, a link's end or property, an interface, a key or a policy that is not defined is an error in the
 * editor already. The result keeps the document's own type, from which `ParametersOf` reads what an action takes. Expressions and rules are for the API to judge.
 */
export function defineOntology<const D extends OntologyDocument>(document: D & NoInfer<Checked<D>>): D {
  return document;
}

/** What may be said of a value beside its type; `More` is what its place adds. */
type Words<Type extends AnyDefinition['type'], More> = Omit<Extract<AnyDefinition, { type: Type }>, 'type'> & More;
type Lists<More> = Omit<ArrayDefinition, 'type' | 'items'> & More;
/** A misspelt word is asked to be absent: inference alone would let it pass. */
type Said<E, Allowed> = E & { [Word in Exclude<keyof E, keyof Allowed>]: never };
/**
 * Each has two signatures: with words of its own and without. In one with both, the compiler would take what is left out from the place in which the call stands.
 */
interface Plain<Type extends AnyDefinition['type'], More> {
  (): { type: Type };
  <const E extends Words<Type, More>>(more: Said<E, Words<Type, More>>): { type: Type } & E;
}

/** One function for each type of value. Each returns the definition with its own type, so that what it says can be read from it. */
interface Definitions<More> {
  boolean: Plain<'boolean', More>;
  integer: Plain<'integer', More>;
  double: Plain<'double', More>;
  /** 64 bits, as a string. */
  long: Plain<'long', More>;
  /** Of any precision, as a string. */
  decimal: Plain<'decimal', More>;
  string: Plain<'string', More>;
  date: Plain<'date', More>;
  timestamp: Plain<'timestamp', More>;
  geopoint: Plain<'geopoint', More>;
  oneOf<const V extends string>(values: V[]): { type: 'enum'; values: V[] };
  oneOf<const V extends string, const E extends More>(values: V[], more: Said<E, More>): { type: 'enum'; values: V[] } & E;
  reference<const To extends string>(to: To): { type: 'reference'; to: To };
  reference<const To extends string, const E extends More>(to: To, more: Said<E, More>): { type: 'reference'; to: To } & E;
  references<const To extends string>(to: To): { type: 'array'; items: { type: 'reference'; to: To } };
  references<const To extends string, const E extends Lists<More>>(
    to: To,
    more: Said<E, Lists<More>>,
  ): { type: 'array'; items: { type: 'reference'; to: To } } & E;
  list<const I extends ArrayDefinition['items']>(items: I): { type: 'array'; items: I };
  list<const I extends ArrayDefinition['items'], const E extends Lists<More>>(
    items: I,
    more: Said<E, Lists<More>>,
  ): { type: 'array'; items: I } & E;
  struct<const F extends Fields>(properties: F): { type: 'struct'; properties: F };
  struct<const F extends Fields, const E extends More>(properties: F, more: Said<E, More>): { type: 'struct'; properties: F } & E;
}

type Fields = Record<string, FieldDefinition>;

type BesideParameter = Omit<ParameterDefinition, 'type'>;
type BesideSet = Omit<ObjectSetDefinition, 'type' | 'of'> & BesideParameter;

interface Parameters extends Definitions<BesideParameter> {
  /** Objects that a filter chooses. */
  objectSet<const Of extends string>(of: Of): { type: 'objectSet'; of: Of };
  objectSet<const Of extends string, const E extends BesideSet>(of: Of, more: Said<E, BesideSet>): { type: 'objectSet'; of: Of } & E;
}

const plain = (type: string) => (more?: object) => ({ type, ...more });
const definitions = {
  boolean: plain('boolean'),
  integer: plain('integer'),
  double: plain('double'),
  long: plain('long'),
  decimal: plain('decimal'),
  string: plain('string'),
  date: plain('date'),
  timestamp: plain('timestamp'),
  geopoint: plain('geopoint'),
  oneOf: (values: string[], more?: object) => ({ type: 'enum', values, ...more }),
  reference: (to: string, more?: object) => ({ type: 'reference', to, ...more }),
  references: (to: string, more?: object) => ({ type: 'array', items: { type: 'reference', to }, ...more }),
  list: (items: object, more?: object) => ({ type: 'array', items, ...more }),
  objectSet: (of: string, more?: object) => ({ type: 'objectSet', of, ...more }),
  struct: (properties: object, more?: object) => ({ type: 'struct', properties, ...more }),
};

/** Properties of object types and interfaces. */
export const property = definitions as unknown as Definitions<Omit<PropertyDefinition, 'type'>>;
/** Fields of structs. */
export const field = definitions as unknown as Definitions<Omit<FieldDefinition, 'type'>>;
/** Parameters of action types. */
export const parameter = definitions as unknown as Parameters;

type Condition = { when?: string };

export const rule = {
  modify: (type: string, object: string, change: Pick<ModifyRule, 'set' | 'unset'> & Condition): Rule => ({
    rule: 'modify',
    type,
    object,
    ...change,
  }),
  create: (type: string, set: NonNullable<CreateRule['set']>, more: Condition & Pick<CreateRule, 'id' | 'objectType'> = {}): Rule => ({
    rule: 'create',
    type,
    set,
    ...more,
  }),
  createOrModify: (
    type: string,
    set: NonNullable<CreateOrModifyRule['set']>,
    more: Condition & Pick<CreateOrModifyRule, 'create' | 'id' | 'objectType'> = {},
  ): Rule => ({ rule: 'createOrModify', type, set, ...more }),
  delete: (type: string, object: string, more: Condition = {}): Rule => ({ rule: 'delete', type, object, ...more }),
  link: (link: string, from: string, to: string, more: Condition = {}): Rule => ({ rule: 'link', link, from, to, ...more }),
  unlink: (link: string, from: string, to: string, more: Condition = {}): Rule => ({ rule: 'unlink', link, from, to, ...more }),
  either: (condition: string, then: Rule[], otherwise?: Rule[]): Rule => ({
    rule: 'if',
    condition,
    then,
    ...(otherwise === undefined ? {} : { else: otherwise }),
  }),
  forEach: (as: string, source: ForEachRule['in'], ...rules: Rule[]): Rule => ({ rule: 'forEach', as, in: source, do: rules }),
  call: (name: string, version: number, writes: FunctionRule['writes']): Rule => ({ rule: 'function', name, version, writes }),
};

/** CEL for "has one of these roles". */
export function hasRole(who: 'proposer' | 'reviewer', ...roles: string[]): string {
  return roles.map((role) => `${JSON.stringify(role)} in ${who}.roles`).join(' || ');
}
