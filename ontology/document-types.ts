import type {
  ActionTypeDefinition,
  AnyDefinition,
  ApprovalPolicyDefinition,
  InterfaceDefinition,
  LinkTypeDefinition,
  ObjectTypeDefinition,
  OntologyDocument,
  ParameterDefinition,
  PropertyDefinition,
} from './definition.ts';
import type { JsonValue } from './json.ts';

// What TypeScript can say of a document from the document itself: the JSON that its actions take, and which names in it lead nowhere. Types alone.

/** The JSON of the parameters that an action of the document takes. */
export type ParametersOf<D extends OntologyDocument, A extends keyof NonNullable<D['actionTypes']>> = NonNullable<
  D['actionTypes']
>[A] extends {
  parameters: infer P;
}
  ? FieldsOf<D, P>
  : never;

/** The JSON of the properties of an object of the type, as it is read. A key always has a value. */
export type PropertiesOf<D extends OntologyDocument, T extends keyof D['objectTypes']> = D['objectTypes'][T] extends { properties: infer P }
  ? Flat<
      { [N in HeldNames<D['objectTypes'][T], P>]: ValueOf<D, P[N]> } & {
        [N in Exclude<keyof P, HeldNames<D['objectTypes'][T], P>>]?: ValueOf<D, P[N]>;
      }
    >
  : never;

/** What may be left out: what is not required, has a default, is filled in from other parameters, or is not always to be given. */
type FieldsOf<D, P> = Flat<{ [N in NeededNames<P>]: ValueOf<D, P[N]> } & { [N in Exclude<keyof P, NeededNames<P>>]?: ValueOf<D, P[N]> }>;
type NeededNames<P> = { [N in keyof P]: P[N] extends { required: true } ? (P[N] extends Lenient ? never : N) : never }[keyof P];
type Lenient = { default: JsonValue } | { prefill: string } | { visibleWhen: string };
type HeldNames<T, P> = { [N in keyof P]: P[N] extends { required: true } ? N : T extends { key: N } ? N : never }[keyof P];
type Flat<T> = { [N in keyof T]: T[N] };

type ValueOf<D, V> = JsonOf<D, V> | (V extends { nullable: true } ? null : never);

type JsonOf<D, V> = V extends { type: 'boolean' }
  ? boolean
  : V extends { type: 'integer' | 'double' }
    ? OneOf<V, number>
    : V extends { type: 'long' | 'decimal' | 'string' }
      ? OneOf<V, string>
      : V extends { type: 'date' | 'timestamp' }
        ? string
        : V extends { type: 'enum'; values: readonly (infer E)[] }
          ? E
          : V extends { type: 'geopoint' }
            ? { latitude: number; longitude: number }
            : V extends { type: 'reference'; to: infer T }
              ? ReferenceOf<D, T>
              : V extends { type: 'array'; items: infer I }
                ? JsonOf<D, I>[]
                : V extends { type: 'struct'; properties: infer P }
                  ? FieldsOf<D, P>
                  : V extends { type: 'objectSet' }
                    ? { filter: string }
                    : JsonValue;

type OneOf<V, T> = V extends { oneOf: readonly (infer E extends T)[] } ? E : T;

/** An object of an interface is named with its type, since ids are unique within a type alone. */
type ReferenceOf<D, T> = D extends { interfaces: infer I }
  ? T extends keyof I
    ? { type: ImplementersOf<D, T>; id: string }
    : string
  : string;
type ImplementersOf<D, I> = D extends { objectTypes: infer O }
  ? { [T in keyof O]: O[T] extends { implements: readonly (infer N)[] } ? (I extends N ? T : never) : never }[keyof O]
  : never;

/** The document with each name that leads nowhere, and each word that is not known, asked to be something that it is not. */
export type Checked<D extends OntologyDocument> = Known<D, keyof OntologyDocument> & {
  interfaces?: {
    [I in keyof D['interfaces']]: Known<D['interfaces'][I], keyof InterfaceDefinition> &
      CheckedProperties<D['interfaces'][I], ObjectNames<D>>;
  };
  objectTypes: { [T in keyof D['objectTypes']]: CheckedObjectType<D, D['objectTypes'][T]> };
  linkTypes?: { [L in keyof D['linkTypes']]: CheckedLinkType<D, D['linkTypes'][L]> };
  actionTypes?: { [A in keyof D['actionTypes']]: CheckedActionType<D, D['actionTypes'][A]> };
  approvalPolicies?: { [P in keyof D['approvalPolicies']]: Known<D['approvalPolicies'][P], keyof ApprovalPolicyDefinition> };
};

type CheckedObjectType<D extends OntologyDocument, T> = Known<T, keyof ObjectTypeDefinition> &
  CheckedProperties<T, ObjectNames<D>> &
  (T extends { key: infer K; properties: infer P } ? { key: Name<K, keyof P> } : unknown) &
  (T extends { implements: infer I } ? { implements: { [At in keyof I]: Name<I[At], keyof D['interfaces']> } } : unknown);

type CheckedProperties<T, Names> = T extends { properties: infer P }
  ? { properties: { [N in keyof P]: Known<P[N], AllKeys<PropertyDefinition>> & CheckedValue<P[N], Names> } }
  : unknown;

type CheckedLinkType<D extends OntologyDocument, L> = Known<L, AllKeys<LinkTypeDefinition>> &
  (L extends { from: infer F; to: infer T } ? { from: Name<F, ObjectNames<D>>; to: Name<T, ObjectNames<D>> } : unknown) &
  (L extends { from: infer F; to: infer T extends keyof D['objectTypes']; via: infer V }
    ? { via: Name<V, ReferencesTo<D['objectTypes'][T], F>> }
    : unknown);

/** The properties of a type that refer to another. */
type ReferencesTo<T, To> = T extends { properties: infer P }
  ? { [N in keyof P]: P[N] extends { type: 'reference'; to: infer R } ? ([To] extends [R] ? N : never) : never }[keyof P]
  : string;

type CheckedActionType<D extends OntologyDocument, A> = Known<A, keyof ActionTypeDefinition> &
  (A extends { approvalPolicy: infer P } ? { approvalPolicy: Name<P, keyof D['approvalPolicies']> } : unknown) &
  (A extends { limits: { objects: infer O } } ? { limits: { objects: Known<O, ObjectNames<D> | keyof D['interfaces']> } } : unknown) &
  (A extends { parameters: infer P }
    ? {
        parameters: {
          [N in keyof P]: Known<P[N], AllKeys<ParameterDefinition>> & CheckedValue<P[N], ObjectNames<D> | keyof D['interfaces']>;
        };
      }
    : unknown);

/** References lead to one of `Names`, however deep. */
type CheckedValue<V, Names> = V extends { type: 'reference'; to: infer T }
  ? { to: Name<T, Names> }
  : V extends { type: 'objectSet'; of: infer T }
    ? { of: Name<T, Names> }
    : V extends { type: 'array'; items: infer I }
      ? { items: Known<I, AllKeys<AnyDefinition>> & CheckedValue<I, Names> }
      : V extends { type: 'struct'; properties: infer P }
        ? { properties: { [N in keyof P]: Known<P[N], AllKeys<PropertyDefinition>> & CheckedValue<P[N], Names> } }
        : unknown;

type ObjectNames<D extends OntologyDocument> = keyof D['objectTypes'];
type AllKeys<U> = U extends unknown ? keyof U : never;

/** Objects and not `never`, so that the compiler says at the name what is wrong with it. */
type Name<Given, Names> = [Given] extends [Names] ? unknown : { 'there is no such name; there are': Names };
type Known<T, Allowed extends PropertyKey> = { [N in Exclude<keyof T, Allowed>]: { 'there is no such word; there are': Allowed } };
