import type { CompiledAction } from './compiled-action.ts';
import type {
  ActionTypeDefinition,
  ApprovalPolicyDefinition,
  BreakGlassDefinition,
  InterfaceDefinition,
  LinkTypeDefinition,
  MigrationDefinition,
  ObjectTypeDefinition,
  OntologyDocument,
  PropertyDefinition,
} from './definition.ts';
import type { JsonObject } from './json.ts';
import type { Operation } from './plan.ts';

/** A document that was checked as a whole: every name resolves and every expression has the type its place asks for. Immutable, and safe to share. */
export interface CompiledOntology {
  document: OntologyDocument;
  /** RFC 8785 text of the document. */
  text: string;
  /** `sha256:` and the hash of `text`. */
  digest: string;
  interfaces: ReadonlyMap<string, CompiledInterface>;
  objectTypes: ReadonlyMap<string, CompiledObjectType>;
  linkTypes: ReadonlyMap<string, CompiledLinkType>;
  actionTypes: ReadonlyMap<string, CompiledActionType>;
  /** As they were given: they mean something against the document in force alone, which `draftMigrations` knows. */
  migrations: readonly MigrationDefinition[];
}

export interface CompiledInterface {
  name: string;
  definition: InterfaceDefinition;
  properties: ReadonlyMap<string, PropertyDefinition>;
  /** Names of the object types that implement it, sorted. */
  implementers: readonly string[];
}

export interface CompiledObjectType {
  name: string;
  definition: ObjectTypeDefinition;
  key?: string;
  properties: ReadonlyMap<string, PropertyDefinition>;
  /** Reference property to the type it points at; arrays of references are included. */
  references: Readonly<Record<string, string>>;
  /** Properties with index rows: those marked `indexed` or `unique`, and every reference and list of references. */
  indexed: readonly string[];
  /** Properties marked `unique`, and those that hold a one-to-one link: no two live objects share a value. */
  unique: readonly string[];
  /** Names of interfaces. */
  implements: readonly string[];
  minimumApprovals: number;
}

export interface CompiledLinkType {
  name: string;
  definition: LinkTypeDefinition;
  cardinality: LinkTypeDefinition['cardinality'];
  from: string;
  to: string;
  requiredEnds: readonly ('from' | 'to')[];
  onDelete: 'refuse' | 'unlink' | 'delete';
  /** Absent on many-to-many links. */
  via?: string;
}

/** One thing an action type may do; the door refuses everything else. For link operations `type` is the link type. */
export interface SurfaceRow {
  type: string;
  operation: Operation;
  /** For create and modify. */
  properties?: string[];
}

/** How many distinct people must have approved, where all ceilings hold. The door takes the first floor that applies, in the order given. */
export interface ApprovalFloor {
  approvals: number;
  /** `sensitive` names, as `type.property`, the sensitive properties that a plan without approvals may touch. */
  ceilings: { edits?: number; parameters?: Record<string, number>; sensitive?: string[] };
}

/** What the door holds in an emergency. Without `approvals` at its top, so that whoever looks for an ordinary floor never takes it for one. */
export interface GlassFloor {
  glass: Pick<BreakGlassDefinition, 'roles' | 'approvals' | 'byProposer' | 'passesFreezeWindows'>;
}

export interface ActionCeilings {
  edits: number;
  /** Edits per object type. */
  objects: Record<string, number>;
}

export interface CompiledActionType {
  name: string;
  definition: ActionTypeDefinition;
  policyName: string;
  policy: ApprovalPolicyDefinition;
  surface: SurfaceRow[];
  ceilings: ActionCeilings;
  /** Those of the policy, and last, where it provides for emergencies, what holds in one. */
  floors: (ApprovalFloor | GlassFloor)[];
  riskTier: 'low' | 'medium' | 'high';
  reversible: boolean;
  /** Canonical text of this definition and of everything it refers to, without words for people: what an action-type version means. */
  definitionText: string;
  /** `sha256:` and the hash of `definitionText`. A version rises only when this changes. */
  definitionDigest: string;
  /** JSON Schema (2020-12) of the parameters. */
  parametersSchema: JsonObject;
  /** The compiled expressions and rules, for the evaluator alone. */
  compiled: CompiledAction;
}
