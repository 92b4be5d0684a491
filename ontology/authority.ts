import type { JsonValue } from './json.ts';
import type { ProposalStatus } from './lifecycle.ts';
import type { ResolvedRequirement } from './plan.ts';
import type { ProblemCode } from './problems.ts';
import type { Setting } from './setting-actions.ts';

export type ReviewDecision = 'approve' | 'reject' | 'request_changes';

export type PrincipalKind = 'user' | 'agent' | 'service';

/** Who calls: what a verified token says. `Actor` is what standing makes of it. `roles` are the claimed ones; standing adds to them. */
export interface Caller {
  id: string;
  kind: PrincipalKind;
  roles: readonly string[];
  name?: string;
  /** The person an agent acts for. */
  actsFor?: string;
  /** ISO time; a token issued before an administrator's removal of a role never feeds that role again. */
  tokenIssuedAt: string;
}

/** A principal with effective roles: claimed by the token at hand, and standing. */
export interface Actor {
  id: string;
  kind: PrincipalKind;
  roles: readonly string[];
  actsFor: string | null;
  /** Whom the very token at hand names, where they act for somebody else by the word of administrators. */
  tokenActsFor?: string;
  disabled: boolean;
  /** What the person behind linked identities goes by; without a link, the id. */
  person: string;
  teams: readonly string[];
  /** Of a delegator: all roles, of which `roles` are those that are delegated. Whoever these bar hands nothing over. */
  allRoles?: readonly string[];
}

/** The proposal as the gate sees it, read in the transaction that acts on the verdict. */
export interface ProposalFacts {
  status: ProposalStatus;
  revision: number;
  digest: string | null;
  proposerId: string;
  /** The person for whom an agent proposed. */
  proposerActsFor: string | null;
  /** Ids and persons who may not review it: the proposer's, those of whom the proposer acts for, or acted then, and of the people who act for one of them, over any number of hops. */
  behind: readonly string[];
  /** What it changes of what governs; absent or null where it is an action of the tenant's own. */
  setting?: Setting | null;
}

/** A reviewer's newest review of this revision and digest, with standing as it is now. */
export interface ReviewFact {
  id: string;
  reviewerId: string;
  decision: ReviewDecision;
  at: string;
  roles: readonly string[];
  kind: PrincipalKind;
  disabled: boolean;
  person: string;
  teams: readonly string[];
  /** All roles of a reviewer on whose behalf a delegate gave it, of which `roles` are those that are delegated. */
  allRoles?: readonly string[] | null;
  /** Who gave it on the reviewer's behalf. All else is the reviewer's, but `disabled` is also true where the delegate is, or the delegation holds no more. */
  delegate?: { id: string; kind: PrincipalKind; person: string } | null;
}

/** Somebody whom a delegation names. */
export type DelegationParty = Pick<Actor, 'id' | 'kind' | 'disabled' | 'person'>;

/** Who broke the glass for the plan that a proposal has, with standing as it is now. */
export interface BrokenGlass {
  by: string;
  kind: PrincipalKind;
  roles: readonly string[];
  disabled: boolean;
  person: string;
}

/** The review of an emergency that is owed: whom the policy asks, in CEL, and who may not give it, ids and persons, since they stand behind whoever broke the glass, proposed the plan or ever approved it. */
export interface OwedReview {
  reviewers: string;
  behind: readonly string[];
}

export type GlassRule = NonNullable<ResolvedRequirement['breakGlass']>;

/** Everything the gate is asked. What it needs to know comes with the question, so that it stays pure. */
export type AuthorityRequest =
  | { action: 'read'; actor: Actor }
  | { action: 'audit:read'; actor: Actor }
  /** May the actor see sensitive values? `readers` is CEL over `reader` {id, kind, roles}. */
  | { action: 'sensitive:read'; actor: Actor; readers: string }
  | { action: 'ontology:put'; actor: Actor }
  | { action: 'policies:put'; actor: Actor }
  | { action: 'switch:put'; actor: Actor; off: boolean }
  | { action: 'principal:put'; actor: Actor; subject: { id: string; person: string } }
  | { action: 'delegation:put'; actor: Actor; delegator: DelegationParty }
  | { action: 'delegation:delete'; actor: Actor; delegator: DelegationParty; delegate: DelegationParty }
  | {
      action: 'schedule:change';
      actor: Actor;
      change: 'pause' | 'resume' | 'delete' | 'trigger';
      schedule: { ownerId: string; ownerActsFor: string | null; changedBy: string };
    }
  | { action: 'proposal:create'; actor: Actor; proposers: string | null; parameters?: JsonValue }
  | {
      action: 'proposal:review';
      actor: Actor;
      proposal: ProposalFacts;
      digest: string;
      requirement: ResolvedRequirement | null;
      reviews: readonly ReviewFact[];
      decision?: ReviewDecision;
      /** Whether a policy refused the execution of what its stages had approved: then those whom the stages ask may add to it. */
      held?: boolean;
      /** Whose reviewing this is, where it is not the actor's own, with the roles that a delegation that holds lets the actor use. */
      onBehalfOf?: Actor;
    }
  | {
      action: 'proposal:break_glass';
      actor: Actor;
      proposal: ProposalFacts;
      digest: string;
      requirement: ResolvedRequirement | null;
      reviews: readonly ReviewFact[];
      glass: BrokenGlass | null;
    }
  | {
      action: 'proposal:review_emergency';
      actor: Actor;
      proposal: ProposalFacts;
      owed: OwedReview | null;
    }
  | { action: 'proposal:withdraw'; actor: Actor; proposal: ProposalFacts }
  /** `underWay`: an execution with effects that has not turned back yet. */
  | { action: 'proposal:cancel'; actor: Actor; proposal: ProposalFacts; underWay: boolean }
  | { action: 'proposal:resolve'; actor: Actor; proposal: ProposalFacts }
  | { action: 'proposal:revise'; actor: Actor; proposal: ProposalFacts; isRevert: boolean }
  | {
      action: 'proposal:revert';
      actor: Actor;
      proposal: ProposalFacts;
      revertible: boolean;
      /** Of this execution, or of any other of its family. */
      revertOpen: boolean;
      /** Nothing of it stands that could be taken back. */
      reverted: boolean;
      /** The time is over in which it may be reverted. */
      tooLate: boolean;
      proposers: string | null;
      automatic: boolean;
    };

export type Authority = { allowed: true } | { allowed: false; reason: ProblemCode };

/** The gate: facts in, a verdict out. It MUST be pure and total; an engine's error is a refusal. */
export type Decide = (request: AuthorityRequest) => Authority;
