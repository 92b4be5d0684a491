import type { Condition } from './condition.ts';
import type { BreakGlassDefinition } from './definition.ts';
import type { JsonValue } from './json.ts';
import type { PlannedCheck, PlannedEffect } from './planned-effect.ts';
import type { LinkEnd } from './snapshot.ts';

export type ObjectEdit =
  | { op: 'create'; type: string; id: string; set: Record<string, JsonValue> }
  /** `before` holds those touched properties that were present. */
  | { op: 'modify'; type: string; id: string; set?: Record<string, JsonValue>; unset?: string[]; before: Record<string, JsonValue> }
  /** `before` holds every property the object had. */
  | { op: 'delete'; type: string; id: string; before: Record<string, JsonValue> };

export type LinkEdit = { op: 'link' | 'unlink'; link: string; from: string; to: string };

export type Edit = ObjectEdit | LinkEdit;

export type Operation = Edit['op'];

export interface PlanHeader {
  format: 1;
  tenant: string;
  actionType: string;
  actionTypeVersion: number;
  /** Name to version of every function whose edits are in the plan. */
  functions: Record<string, number>;
  /** The execution this plan takes back. */
  revertOf?: string;
  /** In the order in which they happen. */
  effects: PlannedEffect[];
  /** Asked after the last of them. Only where there are such. */
  checks?: PlannedCheck[];
  requirement: ResolvedRequirement;
  /** Names of the policies that determined the requirement. */
  policies: string[];
  /** Values of parameters that were not given and that the definition fills in. Only where there are such. */
  prefilled?: Record<string, JsonValue>;
  /** Ids of the members of object-set parameters, in "C" order. Only where there are such. */
  objectSets?: Record<string, string[]>;
  /** Of a change set: its actions in order, with what was filled in for each. */
  actions?: PlannedAction[];
}

/** One action of a change set. Its parameters stand with the plan's. */
export interface PlannedAction extends Pick<PlanHeader, 'prefilled' | 'objectSets'> {
  actionType: string;
}

export interface Plan {
  header: PlanHeader;
  /** RFC 8785 text of the normalised parameters. */
  parametersText: string;
  /** Objects by (type, id) in UTF-8 byte order, then links by (link, from, to, op). At most one edit per object and per link row. */
  edits: Edit[];
}

export interface ResolvedThreshold {
  name: string;
  needed: number;
  toleratedDenials: number;
  /** CEL over `reviewer` {id, kind, roles}. */
  reviewers: string;
}

export interface ResolvedStage {
  name: string;
  thresholds: ResolvedThreshold[];
  /** Any one threshold suffices; absent where all must be met. */
  require?: 'any';
  /** From how many different teams the people counted here must come. */
  teams?: number;
  /** CEL over `reviewer`: who else may review once it has escalated. */
  afterEscalation?: string;
}

/** Who must approve this plan. `automatic` means that policy alone does; then there are no stages. */
export interface ResolvedRequirement {
  policy: string;
  automatic: boolean;
  stages: ResolvedStage[];
  distinctReviewers: boolean;
  /** ISO 8601 duration. */
  expiresAfter: string;
  /** ISO 8601 duration: how long an approval counts. */
  approvalsLast?: string;
  /** ISO 8601 durations since the plan awaits approval. */
  remind?: { after: string; every?: string };
  /** `to` are the roles that are told. */
  escalate?: { after: string; to?: string[] };
  /** The execution with fewer approvals that the policy provides for. */
  breakGlass?: BreakGlassDefinition;
  /** Whether it has escalated. Never in a plan: what the database knows beside it. */
  escalated?: true;
}

/** Versions a plan depends on, columnar: one entry per type, the three lists of equal length. See `existence` for the property `$`. */
export interface ReadColumns {
  type: string;
  ids: string[];
  properties: string[];
  versions: number[];
}

export type ReadQuery =
  /** `found` is the SHA-256 in hex of the selected ids joined by newlines, in "C" order. */
  | { kind: 'objects'; type: string; where: Condition; found: string }
  /** `found` is the SHA-256 in hex of `from<TAB>to` lines. */
  | { kind: 'links'; link: string; end: LinkEnd; ids: string[]; found: string };

/** What a simulation depended on. Freshness, not meaning: it is no part of the plan's digest. */
export interface ReadSet {
  /** Counter seen for every type that was read by query or over links. */
  counters: Record<string, number>;
  reads: ReadColumns[];
  queries: ReadQuery[];
}

export interface Verdict {
  /** JSON pointer into the action type's definition. */
  pointer: string;
  outcome: 'passed' | 'failed';
  message: string;
}

export interface PlanSummary {
  edits: { create: number; modify: number; delete: number; link: number; unlink: number };
  objectTypes: Record<string, number>;
  effects: number;
  /** How many checks follow the effects; absent where there are none. */
  checks?: number;
  riskTier: 'low' | 'medium' | 'high';
  revertible: boolean;
  /** The first effect without a compensation: an execution that fails past it cannot undo it by itself. */
  irreversibleFrom?: string;
  /** Of a revert in part: what stands in the way, and is left as it is, with what depends on it; of many the first. */
  skipped?: { count: number; objects: { type: string; id: string; property?: string }[] };
  /** Effects that nothing takes back: of a revert those that were done, otherwise the optional ones. */
  lasting?: string[];
  verdicts: Verdict[];
  prefilled?: Record<string, JsonValue>;
  /** How many members each object-set parameter has, and the first of them. */
  objectSets?: Record<string, { count: number; ids: string[] }>;
  /** Sensitive properties that the plan touches, as `type.property`; absent where there are none. */
  sensitive?: string[];
  /** Of a change set: what each of its actions alone does, on what those before it leave. */
  actions?: ActionSummary[];
}

export interface ActionSummary extends Pick<PlanSummary, 'prefilled' | 'objectSets'> {
  actionType: string;
  edits: number;
}

export interface Simulation {
  plan: Plan;
  readSet: ReadSet;
  summary: PlanSummary;
  /** By stage, why it is asked; absent where no stage that is asked has a condition. */
  asked?: Readonly<Record<string, StageReason>>;
}

/** What came of a stage's condition on this plan. One that fails is asked all the same where no stage's holds and people are to be asked. */
export interface StageReason {
  when: string;
  outcome: 'holds' | 'fails' | 'not_computed';
}

/** One reason why a request or a definition is refused; `code` is from the catalogue in problems.ts. */
export interface Fault {
  code: string;
  pointer?: string;
  message: string;
  objects?: { type: string; id: string; property?: string }[];
  /** How many objects are concerned, where `objects` names the first alone. */
  count?: number;
}

export type SimulationOutcome = { kind: 'planned'; simulation: Simulation } | { kind: 'invalid'; faults: Fault[]; readSet: ReadSet };
