import type { PrincipalKind } from './authority.ts';
import type { PlannedFact } from './document-conditions.ts';
import type { LostName } from './lost-names.ts';
import type { OutsideEffects } from './outside-effects.ts';
import type { Fault } from './plan.ts';
import type { AttributeKind, TouchedType } from './touched-objects.ts';

/** What policies speak about. `see` is to read anything of the tenant, or of it one proposal; `override` is to execute with fewer approvals than were asked for; `administer` is to change one of `settings`. */
export const policyActions = ['see', 'propose', 'review', 'execute', 'override', 'administer'] as const;
export type PolicyAction = (typeof policyActions)[number];

export const settings = ['ontology', 'policies', 'switches', 'principals', 'delegations', 'freezes', 'subscriptions'] as const;

export interface PolicyPrincipal {
  id: string;
  kind: PrincipalKind;
  roles: readonly string[];
  teams: readonly string[];
  actsFor: string | null;
}

/** What of a plan is read only for policies that may go by it. */
export const lookedUp = ['touches', 'effects'] as const;

/** The plan as policies see it: how much it does, to what, and outside. Of sensitive properties never a value. */
export interface PlanForPolicy {
  riskTier: 'low' | 'medium' | 'high';
  edits: { create: number; modify: number; delete: number; link: number; unlink: number };
  objectTypes: readonly string[];
  /** As `type.property`. */
  sensitive: readonly string[];
  /** The size of each numeric parameter that was given: a whole number, rounded up, whatever its sign. Absent where it is seen alone. */
  amounts?: Readonly<Record<string, number>>;
  /** The objects that it touches, by type. Absent where the policies cannot go by them, and so is the next. */
  touches?: Readonly<Record<string, TouchedType>>;
  effects?: OutsideEffects;
}

export interface PolicyContext {
  /** ISO time. */
  now: string;
  /** Whether an execution is to be taken back. */
  revert?: boolean;
  plan?: PlanForPolicy;
  /** Whom it acts for is told where it is seen alone. */
  proposer?: { id: string; kind: PrincipalKind; actsFor?: string };
  decision?: 'approve' | 'reject' | 'request_changes';
  /** Whose review it is, where the principal gives it as a delegate, with the roles that the delegation is for. */
  onBehalfOf?: { id: string; roles: readonly string[]; teams: readonly string[] };
  /** How many people have approved exactly this plan. */
  approvals?: number;
}

/** One question. `resource` is an action type's name, one of `settings`, or the empty text for the tenant as a whole. */
export interface PolicyRequest {
  principal: PolicyPrincipal;
  action: PolicyAction;
  resource: string;
  context: PolicyContext;
}

/** The names that a tenant's policies may use: what its ontology defines. */
export interface PolicyVocabulary {
  actionTypes: readonly string[];
  objectTypes: readonly string[];
  sensitive: readonly string[];
  amounts: readonly string[];
  /** Object type to its properties that are not sensitive. */
  attributes: Readonly<Record<string, readonly [property: string, AttributeKind][]>>;
  /** Object type to those of its properties that have a closed set of texts, with these. */
  values: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  endpoints: readonly string[];
}

/** Policies by their id. `key` names exactly these texts for ever, so that whoever prepared them need not do so again. */
export interface PolicySet {
  key: string;
  policies: Readonly<Record<string, string>>;
}

export interface PolicyDecision {
  decision: 'allow' | 'deny';
  /** Ids of the policies that determined it; none where nothing permitted it. */
  policies: string[];
  /** What the engine could not compute. Where there is any, the decision is deny. */
  errors: string[];
  /** The engine did not answer, so the same question may be answered later. */
  away?: true;
}

/** The policies can be asked later. Until then nothing that they decide on is done, and nothing is refused for good. */
export class PolicyEngineAway extends Error {}

/** The decision, for those to whom a deny would be the end of something. @throws PolicyEngineAway where the engine did not answer */
export function answered<T extends Pick<PolicyDecision, 'away' | 'errors'>>(decision: T): T {
  if (decision.away) throw new PolicyEngineAway(decision.errors.join('; '));
  return decision;
}

/** Computes decisions, here or in another process. It MUST be total: whatever goes wrong inside, or takes too long, is a deny that says so. */
export interface PolicyEngine {
  decide(set: PolicySet, request: PolicyRequest): PolicyDecision | Promise<PolicyDecision>;
}

export interface Lost {
  kind: 'role' | 'team';
  name: string;
}

export interface PolicyEffect {
  effect: 'permit' | 'forbid';
  /** Whether it may turn out that it cannot be computed, which denies whatever the others say. */
  mayFail: boolean;
}

/** An engine with all that belongs to it. */
export interface Policies {
  engine: PolicyEngine;
  /** Lends an engine of its own for policies that nobody has accepted yet: what breaks it breaks no other, and nothing is left of them afterwards. */
  withEngine<T>(work: (engine: PolicyEngine) => Promise<T>): Promise<T>;
  /** What is wrong with texts that somebody sent. Pointers are into `{policies: {id: text}}`. @throws PolicyEngineAway where that cannot be told now */
  check(policies: Readonly<Record<string, string>>, vocabulary: PolicyVocabulary): Fault[] | Promise<Fault[]>;
  /** What each of these policies does, so that one can tell what more or fewer of them do; null where that cannot be told. */
  effectsOf(texts: readonly string[]): (PolicyEffect | null)[];
  /** Whether each of them may let somebody administer at one time and not at another; what cannot be told may. */
  boundInTime(texts: readonly string[]): boolean[];
  /** Whether policies may go by this part of a plan; what cannot be told may. */
  mayGoBy(policies: Readonly<Record<string, string>>, part: (typeof lookedUp)[number] | PlannedFact): boolean;
  /** Ids of the policies of `after` that may hide something of the tenant that `before` shows; null where what showed it is gone, or that cannot be told. */
  mayHide(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): (string | null)[];
  /** Which of these names each of them uses; where it cannot be told it does. */
  namesLost(policies: Readonly<Record<string, string>>, lost: readonly LostName[]): { policy: string; name: LostName }[];
  /** Whether they may allow more to somebody without this role or team than with it; what cannot be told may. */
  gainsByLosing(policies: Readonly<Record<string, string>>, lost: Lost): boolean;
  /** Ids of those whose refusal of an execution whoever breaks the glass overrides. */
  softPolicies(policies: Readonly<Record<string, string>>): string[];
  /** Whether the engine answers, where it runs in a process of its own. */
  isThere?(): Promise<boolean>;
  /** What holds for tenants without policies of their own. */
  defaults: PolicySet;
}
