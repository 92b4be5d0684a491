import type {
  ActionTypeDefinition,
  ApprovalPolicyDefinition,
  CreateRule,
  ForEachRule,
  FunctionRule,
  LinkTypeDefinition,
  ModifyRule,
  ObjectTypeDefinition,
  OntologyDocument,
  PropertyDefinition,
  Rule,
} from './definition.ts';

// Helpers for writing ontology documents in TypeScript. They add types and nothing else: what they return is the JSON that goes into PUT /v1/ontology.

/** Ties the names in a document together for the compiler: a policy or object type that is not defined is an error in the editor already. */
export function defineOntology<const O extends string, const P extends string>(document: {
  objectTypes: Record<O, ObjectTypeDefinition>;
  linkTypes?: Record<string, LinkTypeDefinition & { from: NoInfer<O>; to: NoInfer<O> }>;
  approvalPolicies: Record<P, ApprovalPolicyDefinition>;
  actionTypes: Record<string, ActionTypeDefinition & { approvalPolicy: NoInfer<P> }>;
}): OntologyDocument {
  return document;
}

type Extras = Omit<PropertyDefinition & { type: 'string' }, 'type' | 'pattern' | 'minLength' | 'maxLength' | 'oneOf'>;
type StringExtras = Omit<PropertyDefinition & { type: 'string' }, 'type'>;
type NumberExtras = Extras & { minimum?: number; maximum?: number };

export const property = {
  string: (more: StringExtras = {}) => ({ type: 'string' as const, ...more }),
  integer: (more: NumberExtras = {}) => ({ type: 'integer' as const, ...more }),
  double: (more: NumberExtras = {}) => ({ type: 'double' as const, ...more }),
  timestamp: (more: Extras = {}) => ({ type: 'timestamp' as const, ...more }),
  oneOf: (values: string[], more: Extras = {}) => ({ type: 'enum' as const, values, ...more }),
  reference: (to: string, more: Extras = {}) => ({ type: 'reference' as const, to, ...more }),
  references: (to: string, more: Extras & { maxItems?: number } = {}) => ({
    type: 'array' as const,
    items: { type: 'reference' as const, to },
    ...more,
  }),
};

type Condition = { when?: string };

export const rule = {
  modify: (type: string, object: string, change: Pick<ModifyRule, 'set' | 'unset'> & Condition): Rule => ({
    rule: 'modify',
    type,
    object,
    ...change,
  }),
  create: (type: string, set: NonNullable<CreateRule['set']>, more: Condition & { id?: string } = {}): Rule => ({
    rule: 'create',
    type,
    set,
    ...more,
  }),
  forEach: (as: string, source: ForEachRule['in'], ...rules: Rule[]): Rule => ({ rule: 'forEach', as, in: source, do: rules }),
  call: (name: string, version: number, writes: FunctionRule['writes']): Rule => ({ rule: 'function', name, version, writes }),
};

/** CEL for "has one of these roles". */
export function hasRole(who: 'proposer' | 'reviewer', ...roles: string[]): string {
  return roles.map((role) => `${JSON.stringify(role)} in ${who}.roles`).join(' || ');
}
