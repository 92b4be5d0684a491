import type { CheckDefinition, EffectDefinition, EndpointDefinition } from './effect-definition.ts';
import type { JsonValue } from './json.ts';

/**
 * The ontology document: what a tenant's objects, links, actions and approvals are. It is plain JSON; these types say its shape to TypeScript, and
 * definition-schema.ts says the same to a machine. Everything called CEL is the text of an expression in the Common Expression Language.
 */
export interface OntologyDocument {
  /** Shapes that several object types share. */
  interfaces?: Record<string, InterfaceDefinition>;
  objectTypes: Record<string, ObjectTypeDefinition>;
  linkTypes?: Record<string, LinkTypeDefinition>;
  actionTypes?: Record<string, ActionTypeDefinition>;
  approvalPolicies?: Record<string, ApprovalPolicyDefinition>;
  /** Where effects of actions may go. */
  endpoints?: Record<string, EndpointDefinition>;
  /** CEL over `reader` {id, kind, roles}: who sees sensitive values, where a type says nothing else. By default those with the role `sensitive-reader`. */
  sensitiveReaders?: string;
  /** Asks more of changes to what governs the tenant than one more person where they loosen, and nobody where they tighten. */
  governance?: GovernanceDefinition;
  /** ISO 8601 duration: how long after its execution an action may be reverted. For ever, where it is left out. */
  revertWithin?: string;
  /** How stored data comes to fit where this document breaks it. Of the upload alone: no part of what is then in force, nor of its digest. */
  migrations?: MigrationDefinition[];
}

/** Approval policies by name, asked whole: of changes that let more happen or ask less of somebody, and of those that do not. */
export interface GovernanceDefinition {
  loosening?: string;
  tightening?: string;
}

/**
 * Rewrites the objects of a type that do not fit the new document, by ordinary proposals under the one in force; so everything here is meant in terms of that one.
 * `set` is CEL by property over `object`.
 */
export interface MigrationDefinition {
  objectType: string;
  /** CEL over `object`, as in a query: of the objects that do not fit, those that this rule is for. By default all. Asked again when a batch is simulated. */
  where?: string;
  set?: Record<string, string>;
  unset?: string[];
  /** Of the document in force. */
  approvalPolicy: string;
}

/** Words for people. They carry no meaning: changing them raises no version. */
export interface Described {
  title?: string;
  description?: string;
}

/** Every type that implements it has these properties, of the same type and no less required. */
export interface InterfaceDefinition extends Described {
  properties: Record<string, PropertyDefinition>;
}

export interface ObjectTypeDefinition extends Described {
  implements?: string[];
  /** An immutable, required string property whose text is the object's id. Without it ids are derived from the proposal. */
  key?: string;
  properties: Record<string, PropertyDefinition>;
  /** Distinct people who must have approved any plan that touches this type, whatever the action says. */
  minimumApprovals?: number;
  /** CEL over `reader` {id, kind, roles}: who sees this type's sensitive values. */
  sensitiveReaders?: string;
}

/** What a value may be. `long` (64 bits) and `decimal` (any precision) travel as strings in canonical form, the rest as JSON has it. */
export type ValueDefinition =
  | { type: 'boolean' }
  /** A whole number that a double holds exactly: at most 2^53 - 1 either way. */
  | { type: 'integer'; minimum?: number; maximum?: number; oneOf?: number[] }
  | { type: 'double'; minimum?: number; maximum?: number; oneOf?: number[] }
  | { type: 'long'; minimum?: string; maximum?: string; oneOf?: string[] }
  | { type: 'decimal'; minimum?: string; maximum?: string; oneOf?: string[] }
  /** `pattern` is a regular expression of RE2, which the whole text must match. */
  | { type: 'string'; pattern?: string; minLength?: number; maxLength?: number; oneOf?: string[] }
  /** `YYYY-MM-DD`. */
  | { type: 'date'; minimum?: string; maximum?: string }
  /** ISO 8601 in UTC with milliseconds, `2001-01-31T09:30:00.000Z`; other offsets are accepted in parameters and brought to UTC. */
  | { type: 'timestamp'; minimum?: string; maximum?: string }
  | { type: 'enum'; values: string[] }
  /** `{"latitude", "longitude"}` in degrees, WGS 84. */
  | { type: 'geopoint' }
  /** The id of an object of type `to`. */
  | { type: 'reference'; to: string };

/** `distinct` refuses a list in which a value stands twice. */
export type ArrayDefinition = {
  type: 'array';
  items: ValueDefinition | StructDefinition;
  minItems?: number;
  maxItems?: number;
  distinct?: boolean;
};

export type StructDefinition = { type: 'struct'; properties: Record<string, FieldDefinition> };

/** Whatever a property, a field or a parameter may hold. */
export type AnyDefinition = ValueDefinition | ArrayDefinition | StructDefinition;

export type FieldDefinition = AnyDefinition & Described & { required?: boolean; default?: JsonValue; unit?: string };

export type PropertyDefinition = AnyDefinition &
  Described & {
    required?: boolean;
    /** Kept in the index, so that equality, ranges and, of lists, the search for an element are fast. References always are. */
    indexed?: boolean;
    /** No two live objects of the type have the same value. Absent values are not compared. */
    unique?: boolean;
    /** Shown as a mask to those who are not among the type's `sensitiveReaders`. */
    sensitive?: boolean;
    /** Taken by a create that does not set the property. */
    default?: JsonValue;
    /** What one of it is, in words: `minutes`, `EUR`. */
    unit?: string;
  };

/** `via` names the reference property on the many side (`to`) that holds the link. Only many-to-many links have rows of their own. */
export type LinkTypeDefinition = Described & {
  from: string;
  to: string;
  /** Ends each of whose objects must have at least one such link. */
  requiredEnds?: ('from' | 'to')[];
  /**
   * What becomes of the links of a deleted object: the deletion is refused (by default); they are unlinked; or what a deleted `from` object links to is deleted too.
   * A deleted object's own references go with it.
   */
  onDelete?: 'refuse' | 'unlink' | 'delete';
} & ({ cardinality: 'one-to-many' | 'one-to-one'; via: string } | { cardinality: 'many-to-many' });

/** Objects chosen by `{"filter": "<CEL>"}` over the properties of the type `of`. The members that the simulation finds are fixed in the plan. */
export type ObjectSetDefinition = { type: 'objectSet'; of: string; maxItems?: number };

/** A `reference` may here also lead to an interface; its value is then `{"type", "id"}`. */
export type ParameterDefinition = (AnyDefinition | ObjectSetDefinition) &
  Described & {
    required?: boolean;
    /** A null that is given stays apart from a value that is not; `given` lists the parameters that were. Both are null in expressions. */
    nullable?: boolean;
    /** Shown as a mask to those who are not among the action's `sensitiveReaders`. */
    sensitive?: boolean;
    default?: JsonValue;
    unit?: string;
    /** CEL over all parameters, `proposer`, `evaluatedAt` and `given`; asked where the parameter has a value. */
    constraints?: CriterionDefinition[];
    /** CEL for the value of a parameter that is not given; may mention the parameters that have no `prefill` themselves. */
    prefill?: string;
    /** CEL. Where it is false the parameter must not be given, and has neither default nor prefill. */
    visibleWhen?: string;
    /** CEL. */
    requiredWhen?: string;
  };

export interface ActionTypeDefinition extends Described {
  parameters: Record<string, ParameterDefinition>;
  /** CEL over `proposer` {id, kind, roles}. By default every principal that has a role may propose. */
  proposers?: string;
  criteria?: CriterionDefinition[];
  rules: Rule[];
  /** What happens outside the ontology, in this order. */
  effects?: EffectDefinition[];
  /** Asked of the outside after the last effect; where one does not hold, everything is undone. */
  checks?: CheckDefinition[];
  approvalPolicy: string;
  /**
   * More than this is refused by the simulation, and by the door. Edits default to 10,000 and never exceed 100,000. The name of an interface bounds the sum over the
   * types that implement it; of that the door holds each type alone.
   */
  limits?: { edits?: number; objects?: Record<string, number> };
  riskTier?: 'low' | 'medium' | 'high';
  reversible?: boolean;
  /** What becomes of waiting proposals when this definition changes: they are simulated again under the new version (by default), or stay with theirs. */
  whenRedefined?: 'simulateAgain' | 'keepVersion';
  /** CEL over `reader` {id, kind, roles}: who sees the action's sensitive parameters. */
  sensitiveReaders?: string;
}

/** CEL over the parameters, `proposer` and `evaluatedAt`; the message tells the proposer what is not met. */
export interface CriterionDefinition {
  condition: string;
  message: string;
}

/** Every rule reads the state before the action and sees no other rule's edits. `when` is CEL; the rule is skipped where it is false. */
export type Rule = { when?: string } & (
  | ModifyRule
  | CreateRule
  | CreateOrModifyRule
  | DeleteRule
  | LinkRule
  | ForEachRule
  | IfRule
  | FunctionRule
);

/** CEL, or what the answer to a write-back of the same action will say. */
export type Assigned = string | { slot: string };

/** `object` is CEL for an object or an object's id, of an interface for an object; `set` is CEL by property, where null unsets. */
export interface ModifyRule {
  rule: 'modify';
  type: string;
  object: string;
  set?: Record<string, Assigned>;
  unset?: string[];
}

/**
 * `id` is for types without a key property; without it the id is derived from the proposal's revision. Where `type` is an interface, `objectType` is CEL for the
 * name of the type that implements it.
 */
export interface CreateRule {
  rule: 'create';
  type: string;
  objectType?: string;
  id?: string;
  set?: Record<string, Assigned>;
}

/** `set` is written either way, `create` to a new object alone. The object is named by the key in `set`, or by `id` where the type has no key. */
export interface CreateOrModifyRule {
  rule: 'createOrModify';
  type: string;
  objectType?: string;
  id?: string;
  set?: Record<string, Assigned>;
  create?: Record<string, Assigned>;
}

export interface DeleteRule {
  rule: 'delete';
  type: string;
  object: string;
}

/** Rows of a many-to-many link type. */
export interface LinkRule {
  rule: 'link' | 'unlink';
  link: string;
  from: string;
  to: string;
}

export interface ForEachRule {
  rule: 'forEach';
  /** The name under which the rules below see each object or list item. */
  as: string;
  in: ForEachSource;
  do: Rule[];
}

export type ForEachSource =
  /** The objects linked to `of`. A link type from a type to itself is walked from `from` to `to` unless `reverse`. */
  | { link: string; of: string; reverse?: boolean }
  /** The objects that several links in a row lead to. One that is reached twice counts once. */
  | { path: LinkStep[]; of: string }
  /** `where` is CEL over the queried type's properties, by name or as `<as>.<name>`, beside the variables around. */
  | { query: { type: string; where: string } }
  /** A parameter that is a list or an object set. */
  | { list: string };

export interface LinkStep {
  link: string;
  reverse?: boolean;
}

export interface IfRule {
  rule: 'if';
  condition: string;
  then: Rule[];
  else?: Rule[];
}

/** A registered TypeScript function. It may write only what `writes` names. */
export interface FunctionRule {
  rule: 'function';
  name: string;
  version: number;
  writes: FunctionWrite[];
}

export interface FunctionWrite {
  /** An object type, or a many-to-many link type. */
  type: string;
  operations: ('create' | 'modify' | 'delete' | 'link' | 'unlink')[];
  /** Which properties a modify may touch. */
  properties?: string[];
}

export interface ApprovalPolicyDefinition extends Described {
  /** One after another; at least one has no `when`. */
  stages: StageDefinition[];
  /** ISO 8601 duration in weeks, days, hours, minutes and seconds, such as `PT72H`; longer than nothing. */
  expiresAfter: string;
  /** How long an approval counts, as `expiresAfter` is written; without it as long as the plan. */
  approvalsLast?: string;
  /** An event that names who may still review, so long after the plan began to wait, and then again and again; at most a hundred until it expires. */
  remind?: { after: string; every?: string };
  /** What happens where nobody has answered for so long. */
  escalate?: EscalationDefinition;
  /** Who may have a plan executed with fewer approvals in an emergency, and who looks at it afterwards. Nobody, where it is left out. */
  breakGlass?: BreakGlassDefinition;
  /** One person's approval counts once, not in every stage it fits. On unless switched off. */
  distinctReviewers?: boolean;
  /** Policy alone approves where the condition holds. The database holds the ceilings; the condition is ours alone, so at least one ceiling is required. A parameter is held by its size, whatever its sign. */
  automatic?: {
    condition: string;
    ceilings: { edits?: number; parameters?: Record<string, number> };
    /** Sensitive properties, as `type.property`, that a plan approved by policy alone may touch. */
    sensitive?: string[];
  };
}

/**
 * Fewer approvals, by named roles, at the price of a review afterwards. Switches, limits, and what the touched object types ask for, hold in an emergency as ever; so
 * do the tenant's policies, which are asked `override` as well.
 */
export interface BreakGlassDefinition {
  /** People in any of these may break the glass. */
  roles: string[];
  /** How many people must have approved beside whoever breaks it; fewer than the stages ask for. */
  approvals: number;
  /** An ISO 8601 duration after the execution. */
  reviewWithin: string;
  /** CEL over `reviewer`: who reviews afterwards. Never whoever broke the glass, nor anybody who stands behind the proposer. */
  reviewers: string;
  /** Also whoever proposed it, or stands behind the proposer, may break the glass. Off unless switched on. */
  byProposer?: boolean;
  /** It is not held by freeze windows. Off unless switched on. */
  passesFreezeWindows?: boolean;
}

/** Roles that are told, or people who may then review as well, by stage; one of the two at least. Neither takes anything from what is asked for. */
export interface EscalationDefinition {
  after: string;
  to?: string[];
  /** Name of a stage -> CEL over `reviewer`. */
  reviewers?: Record<string, string>;
}

export interface StageDefinition {
  name: string;
  thresholds: ThresholdDefinition[];
  /** Whether every threshold must be met (by default) or any one. */
  require?: 'all' | 'any';
  /** From how many different teams the people counted here must come. */
  teams?: number;
  /** CEL over the parameters, `proposer`, `evaluatedAt` and `plan`: the stage is asked only where it holds. One that cannot be computed holds. */
  when?: string;
}

export interface ThresholdDefinition {
  name?: string;
  needed: number;
  toleratedDenials?: number;
  /** CEL over `reviewer` {id, kind, roles}. */
  reviewers: string;
}

/** The limit on edits of an action type that names none. */
export const defaultEditLimit = 10_000;
