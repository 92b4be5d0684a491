/**
 * Who may do what, when: written from the rules in docs/, and not from what the code answers. The test beside it asks for every combination, and fails where one is not
 * here. `allowed`, or the code of the refusal.
 */
import type { JsonObject } from '../../ontology/json.ts';
import type { ProposalStatus } from '../../ontology/lifecycle.ts';
import type { ProblemCode } from '../../ontology/problems.ts';

export const actors = [
  /** An agent that acts for `principal`, and proposed what is asked about. */
  'proposer',
  'principal',
  /** The principal under another name. */
  'linkedIdentity',
  /** A person who acts for the principal. */
  'assistant',
  /** The first stage asks keepers, the second officers. */
  'keeper',
  'officer',
  'visitor',
  'disabledKeeper',
  'keeperAgent',
  'keeperService',
  'operator',
  'operatorAgent',
  'operatorService',
  'ontologyAdmin',
  'ontologyAdminAgent',
  'accessAdmin',
  'accessAdminAgent',
  'auditor',
  /** A token without roles. */
  'nobody',
] as const;
export type ActorName = (typeof actors)[number];

export type Answer = 'allowed' | ProblemCode;
export type ByState = Partial<Record<ProposalStatus, Answer>> & { otherwise: Answer };
type Rows<R> = readonly (readonly [readonly ActorName[], R])[];

const machines: readonly ActorName[] = [
  'proposer',
  'keeperAgent',
  'keeperService',
  'operatorAgent',
  'operatorService',
  'ontologyAdminAgent',
  'accessAdminAgent',
];
const outsiders: readonly ActorName[] = ['disabledKeeper', 'nobody'];
/** People with a role whom no stage asks now. */
const unasked: readonly ActorName[] = ['officer', 'visitor', 'operator', 'ontologyAdmin', 'accessAdmin', 'auditor'];
const proposersSide: readonly ActorName[] = ['principal', 'linkedIdentity', 'assistant'];

const review: Rows<ByState> = [
  [machines, { otherwise: 'agent_may_not_review' }],
  [proposersSide, { otherwise: 'self_review' }],
  [['keeper'], { awaiting_approval: 'allowed', otherwise: 'not_awaiting_approval' }],
  [unasked, { awaiting_approval: 'not_eligible', otherwise: 'not_awaiting_approval' }],
  [outsiders, { otherwise: 'forbidden' }],
];

/** Whoever acts, but has not proposed it. To withdraw or revise is for the very identity that proposed, and for the one that its agent names. */
const others: readonly ActorName[] = [
  'linkedIdentity',
  'assistant',
  'keeper',
  'officer',
  'visitor',
  'keeperAgent',
  'keeperService',
  'operator',
  'operatorAgent',
  'operatorService',
  'ontologyAdmin',
  'ontologyAdminAgent',
  'accessAdmin',
  'accessAdminAgent',
];

/** What has no plan has no approval policy, so none that provides for emergencies. */
const unplanned = { simulating: 'no_emergency', invalid: 'no_emergency', failed: 'no_emergency' } as const;

export interface OnProposal {
  rows: Rows<ByState>;
  /** What the decision is recorded as; null where none is. */
  recordedAs: string | null;
  /** What is recorded with it that tells it from others that are recorded as the same. */
  details?: JsonObject;
  /** The audit entry of what is done when it is allowed; null where nothing is. A refusal has `decision.refused`. */
  audit: string | null;
  /** Of which action type the proposals are; one that two stages approve, where it is left out. */
  actionType?: string;
}

export const onProposals = {
  /** Under the built-in policies; others: tests/api/see-proposals.test.ts. */
  seeIt: {
    rows: [
      [['proposer', 'principal', ...others, 'auditor'], { otherwise: 'allowed' }],
      [outsiders, { otherwise: 'forbidden' }],
    ],
    recordedAs: null,
    audit: null,
  },
  approve: { rows: review, recordedAs: 'review', details: { decision: 'approve' }, audit: 'review.recorded' },
  reject: { rows: review, recordedAs: 'review', details: { decision: 'reject' }, audit: 'review.recorded' },
  requestChanges: { rows: review, recordedAs: 'review', details: { decision: 'request_changes' }, audit: 'proposal.changes_requested' },
  revise: {
    rows: [
      [['proposer', 'principal'], { changes_requested: 'allowed', otherwise: 'not_revisable' }],
      [others, { otherwise: 'not_proposer' }],
      [['auditor', ...outsiders], { otherwise: 'forbidden' }],
    ],
    recordedAs: 'revise',
    audit: 'proposal.revised',
  },
  withdraw: {
    rows: [
      [
        ['proposer', 'principal'],
        {
          simulating: 'allowed',
          awaiting_approval: 'allowed',
          changes_requested: 'allowed',
          approved: 'allowed',
          scheduled: 'allowed',
          otherwise: 'not_withdrawable',
        },
      ],
      [[...others, 'auditor'], { otherwise: 'not_proposer' }],
      [outsiders, { otherwise: 'forbidden' }],
    ],
    recordedAs: 'withdraw',
    audit: 'proposal.withdrawn',
  },
  revert: {
    rows: [
      [['proposer', 'principal', ...others], { executed: 'allowed', otherwise: 'not_revertible' }],
      [['auditor', ...outsiders], { otherwise: 'forbidden' }],
    ],
    recordedAs: 'revert',
    audit: 'proposal.created',
  },
  /** Of an execution under way, until it is being undone. */
  cancel: {
    rows: [
      [['proposer', 'principal', 'operator', 'operatorService'], { executing: 'allowed', otherwise: 'not_cancellable' }],
      [[...others.filter((actor) => actor !== 'operator' && actor !== 'operatorService'), 'auditor'], { otherwise: 'not_proposer' }],
      [outsiders, { otherwise: 'forbidden' }],
    ],
    recordedAs: 'cancel',
    audit: 'proposal.cancelling',
  },
  /** Of one that cannot be undone by itself. */
  resolve: {
    rows: [
      [['operator'], { needs_attention: 'allowed', otherwise: 'not_resolvable' }],
      [actors.filter((actor) => actor !== 'operator'), { otherwise: 'forbidden' }],
    ],
    recordedAs: 'resolve',
    audit: 'proposal.compensating',
  },
  /** Under an approval policy that lets keepers do it, with nobody's approval beside. */
  breakGlassAtNight: {
    rows: [
      [['keeper'], { ...unplanned, awaiting_approval: 'allowed', otherwise: 'not_awaiting_approval' }],
      [proposersSide, { ...unplanned, otherwise: 'own_emergency' }],
      [[...machines, ...unasked], { ...unplanned, otherwise: 'not_for_emergencies' }],
      [outsiders, { otherwise: 'forbidden' }],
    ],
    recordedAs: 'override',
    audit: 'proposal.glass_broken',
    actionType: 'askFloorAtNight',
  },
  /** Officers look back at an emergency after its execution. */
  lookBack: {
    rows: [
      [machines, { otherwise: 'agent_may_not_review' }],
      [proposersSide, { executed: 'own_emergency', otherwise: 'no_review_owed' }],
      [['officer'], { executed: 'allowed', otherwise: 'no_review_owed' }],
      [['keeper', ...unasked.filter((actor) => actor !== 'officer')], { executed: 'not_for_emergencies', otherwise: 'no_review_owed' }],
      [outsiders, { otherwise: 'forbidden' }],
    ],
    recordedAs: 'look back',
    audit: 'proposal.emergency_reviewed',
    actionType: 'askFloorAtNight',
  },
  /** Under an approval policy that provides for no emergencies. */
  breakGlass: {
    rows: [
      [['proposer', 'principal', ...others, 'auditor'], { otherwise: 'no_emergency' }],
      [outsiders, { otherwise: 'forbidden' }],
    ],
    recordedAs: 'override',
    audit: 'proposal.glass_broken',
  },
} satisfies Record<string, OnProposal>;

/** What may be so beside when a proposal is executed. */
export type Circumstance =
  | 'before its time'
  | 'at its time'
  | 'switched off'
  | 'forbidden by policies'
  | 'its effect done'
  | 'cancelled'
  | 'undone';

export interface Execution {
  status: ProposalStatus;
  given?: readonly Circumstance[];
  becomes: ProposalStatus;
  /** What is decided of the execution, and recorded; null where nothing is to be decided. */
  decided: { outcome: 'allowed' | 'held' | 'refused'; reason: string | null } | null;
  /** All that the audit log tells of it. */
  entries: readonly string[];
}

const allowed = { outcome: 'allowed', reason: null } as const;
const held = (reason: string) => ({ outcome: 'held', reason }) as const;
const forbidden = { outcome: 'refused', reason: 'policy_forbids' } as const;

const ofNoneOfIts: readonly ProposalStatus[] = [
  'simulating',
  'invalid',
  'awaiting_approval',
  'changes_requested',
  'rejected',
  'expired',
  'withdrawn',
  'scheduled',
  'executing',
  'compensating',
  'needs_attention',
  'executed',
  'failed',
];

/**
 * What comes of it when somebody has a proposal executed. Nobody asks for that by name: the worker does, and it concerns what was approved alone. One under way waits for its
 * effect, which is done and undone by others, and is asked about again before its edits.
 */
export const executions: readonly Execution[] = [
  ...ofNoneOfIts.map((status) => ({ status, becomes: status, decided: null, entries: [] })),
  { status: 'approved', becomes: 'executed', decided: allowed, entries: ['proposal.executing', 'proposal.executed'] },
  { status: 'approved', given: ['before its time'], becomes: 'scheduled', decided: held('not_yet'), entries: ['proposal.scheduled'] },
  { status: 'approved', given: ['switched off'], becomes: 'scheduled', decided: held('switched_off'), entries: ['proposal.scheduled'] },
  {
    ...{ status: 'approved', given: ['forbidden by policies'] },
    ...{ becomes: 'awaiting_approval', decided: forbidden, entries: ['proposal.simulated'] },
  },
  {
    ...{ status: 'scheduled', given: ['at its time'] },
    ...{ becomes: 'executed', decided: allowed, entries: ['proposal.executing', 'proposal.executed'] },
  },
  { status: 'executing', given: ['its effect done'], becomes: 'executing', decided: allowed, entries: ['execution.applied'] },
  {
    ...{ status: 'executing', given: ['its effect done', 'forbidden by policies'] },
    ...{ becomes: 'compensating', decided: forbidden, entries: ['proposal.compensating'] },
  },
  {
    ...{ status: 'executing', given: ['its effect done', 'cancelled'] },
    ...{ becomes: 'compensating', decided: null, entries: ['proposal.compensating'] },
  },
  { status: 'executing', given: ['cancelled'], becomes: 'failed', decided: null, entries: ['proposal.failed'] },
  { status: 'compensating', given: ['undone'], becomes: 'failed', decided: null, entries: ['proposal.failed'] },
];

interface OnTenant {
  rows: Rows<Answer>;
  /** Of whatever was changed, or proposed where two people must want it. Null where nothing changes. */
  audit: string | null;
  /** What was asked for, by the entry of a refusal. Null of what only reads, which leaves none. */
  refusedAs: string | null;
}

const forbiddenToAllBut = (...admitted: ActorName[]): Rows<Answer> => [
  [admitted, 'allowed'],
  [actors.filter((actor) => !admitted.includes(actor)), 'forbidden'],
];
const people: readonly ActorName[] = [...proposersSide, 'keeper', ...unasked];

export const onTenants = {
  see: { rows: forbiddenToAllBut('proposer', 'principal', ...others, 'auditor'), audit: null, refusedAs: null },
  propose: { rows: forbiddenToAllBut('proposer', 'principal', ...others), audit: 'proposal.created', refusedAs: 'proposal:create' },
  /** To stop is for machines that watch as well; to let go on is for people alone. */
  switchOff: { rows: forbiddenToAllBut('operator', 'operatorService'), audit: 'switch.changed', refusedAs: 'switch:put' },
  switchOn: { rows: forbiddenToAllBut('operator'), audit: 'proposal.created', refusedAs: 'switch:put' },
  setWindow: { rows: forbiddenToAllBut('operator', 'operatorService'), audit: 'freeze_window.changed', refusedAs: 'switch:put' },
  removeWindow: { rows: forbiddenToAllBut('operator'), audit: 'freeze_window.changed', refusedAs: 'switch:put' },
  putPolicies: { rows: forbiddenToAllBut('ontologyAdmin'), audit: 'proposal.created', refusedAs: 'policies:put' },
  putOntology: { rows: forbiddenToAllBut('ontologyAdmin'), audit: 'proposal.created', refusedAs: 'ontology:put' },
  putPrincipal: { rows: forbiddenToAllBut('accessAdmin'), audit: 'proposal.created', refusedAs: 'principal:put' },
  disable: { rows: forbiddenToAllBut('accessAdmin'), audit: 'principal.changed', refusedAs: 'principal:put' },
  delegate: { rows: forbiddenToAllBut(...people), audit: 'proposal.created', refusedAs: 'delegation:put' },
  /** One that two others have between them. */
  revokeDelegation: { rows: forbiddenToAllBut('accessAdmin'), audit: 'delegation.changed', refusedAs: 'delegation:delete' },
  readAudit: { rows: forbiddenToAllBut('ontologyAdmin', 'accessAdmin', 'auditor'), audit: null, refusedAs: null },
} satisfies Record<string, OnTenant>;

export type OnProposalName = keyof typeof onProposals;
export type OnTenantName = keyof typeof onTenants;

/** The one row for this actor; undefined where there is none, or more than one. */
export function rowOf<R>(rows: Rows<R>, actor: ActorName): R | undefined {
  const found = rows.filter(([names]) => names.includes(actor));
  return found.length === 1 ? found[0]?.[1] : undefined;
}

/** Which row asks the gate which question; of those that none asks, where they are asked. */
export const questions: Readonly<Record<string, OnProposalName | OnTenantName | `tests/${string}` | `policy/${string}`>> = {
  read: 'see',
  'audit:read': 'readAudit',
  'sensitive:read': 'tests/api/sensitive-values.test.ts',
  'ontology:put': 'putOntology',
  'policies:put': 'putPolicies',
  'switch:put': 'switchOff',
  'principal:put': 'putPrincipal',
  'delegation:put': 'delegate',
  'delegation:delete': 'revokeDelegation',
  'schedule:change': 'tests/schedules/schedules.test.ts',
  'proposal:create': 'propose',
  'proposal:review': 'approve',
  'proposal:break_glass': 'breakGlassAtNight',
  'proposal:review_emergency': 'lookBack',
  'proposal:withdraw': 'withdraw',
  'proposal:cancel': 'cancel',
  'proposal:resolve': 'resolve',
  'proposal:revise': 'revise',
  'proposal:revert': 'revert',
};
