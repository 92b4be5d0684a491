// Each question that the gate is asked: what is allowed, and what is refused once one fact of it is another. Pure, so that no condition is left to be found by a test of much more.
import { describe, expect, it } from 'vitest';
import type { Actor, AuthorityRequest, BrokenGlass, ProposalFacts, ReviewFact } from '../ontology/authority.ts';
import type { ResolvedRequirement } from '../ontology/plan.ts';
import { decide } from './decide.ts';

const actor = (id: string, roles: string[], more: Partial<Actor> = {}): Actor => ({
  ...{ id, kind: 'user', roles, actsFor: null, disabled: false, person: id, teams: [] },
  ...more,
});
const digest = 'sha256:aa';
const proposal: ProposalFacts = {
  ...{ status: 'awaiting_approval', revision: 1, digest, proposerId: 'robot', proposerActsFor: 'ann', behind: ['robot', 'ann'] },
};
const requirement: ResolvedRequirement = {
  policy: 'one',
  automatic: false,
  stages: [{ name: 'all', thresholds: [{ name: 'all', needed: 2, toleratedDenials: 0, reviewers: "'keeper' in reviewer.roles" }] }],
  distinctReviewers: true,
  expiresAfter: 'PT72H',
  breakGlass: { roles: ['keeper'], approvals: 1, reviewWithin: 'PT24H', reviewers: "'officer' in reviewer.roles" },
};
const glassRule = requirement.breakGlass as NonNullable<ResolvedRequirement['breakGlass']>;
const { breakGlass: _, ...withoutGlass } = requirement;
const approvalBy = (id: string, more: Partial<ReviewFact> = {}): ReviewFact => ({
  ...{ id, reviewerId: id, decision: 'approve', at: '2026-01-01T00:00:00.000Z', roles: ['keeper'], kind: 'user' },
  ...{ disabled: false, person: id, teams: [] },
  ...more,
});
const brokenBy = (id: string, more: Partial<BrokenGlass> = {}): BrokenGlass => ({
  ...{ by: id, kind: 'user', roles: ['keeper'], disabled: false, person: id },
  ...more,
});

type Asked<A extends AuthorityRequest['action']> = Extract<AuthorityRequest, { action: A }>;
type Case<R> = readonly [name: string, answer: string, changed: (right: R) => Partial<R>];

/** The right one is allowed; each other differs from it in one fact. */
function concerning<A extends AuthorityRequest['action']>(right: Asked<A>, cases: readonly Case<Asked<A>>[]) {
  return [
    ['as it should be', 'allowed', right] as const,
    ...cases.map(([name, answer, changed]) => [name, answer, { ...right, ...changed(right) }] as const),
  ];
}

/** Somebody who is not a member any more, or not yet. */
const outside = <R extends { actor: Actor }>(): Case<R>[] => [
  ['who is disabled', 'forbidden', (right) => as<R>({ disabled: true })(right)],
  ['without roles', 'forbidden', (right) => as<R>({ roles: [] })(right)],
];
const as =
  <R extends { actor: Actor }>(more: Partial<Actor>) =>
  (right: R): Partial<R> =>
    ({ actor: { ...right.actor, ...more } }) as Partial<R>;
const of =
  <R extends { proposal: ProposalFacts }>(more: Partial<ProposalFacts>) =>
  (right: R): Partial<R> =>
    ({ proposal: { ...right.proposal, ...more } }) as Partial<R>;

const member = actor('bo', ['keeper']);
const questions: Record<string, readonly (readonly [string, string, AuthorityRequest])[]> = {
  read: concerning<'read'>({ action: 'read', actor: member }, outside()),
  'audit:read': concerning<'audit:read'>({ action: 'audit:read', actor: actor('au', ['auditor']) }, [
    ...outside<Asked<'audit:read'>>(),
    ['by an agent', 'forbidden', as({ kind: 'agent' })],
    ['with another role', 'forbidden', as({ roles: ['keeper'] })],
    ['by an ontology administrator', 'allowed', as({ roles: ['ontology-admin'] })],
    ['by an access administrator', 'allowed', as({ roles: ['access-admin'] })],
  ]),
  'sensitive:read': concerning<'sensitive:read'>(
    { action: 'sensitive:read', actor: member, readers: "'keeper' in reader.roles || reader.roles == []" },
    [...outside<Asked<'sensitive:read'>>(), ['whom the definition does not admit', 'sensitive_property', as({ roles: ['clerk'] })]],
  ),
  ...Object.fromEntries(
    (['ontology:put', 'policies:put'] as const).map((action) => [
      action,
      concerning<'ontology:put'>({ action, actor: actor('oa', ['ontology-admin']) } as Asked<'ontology:put'>, [
        ...outside<Asked<'ontology:put'>>(),
        ['by an agent', 'forbidden', as({ kind: 'agent' })],
        ['with another role', 'forbidden', as({ roles: ['keeper'] })],
      ]),
    ]),
  ),
  'switch:put': [
    ...concerning<'switch:put'>({ action: 'switch:put', actor: actor('op', ['operator']), off: false }, [
      ...outside<Asked<'switch:put'>>(),
      ['on, by a service', 'forbidden', as({ kind: 'service' })],
      ['on, by an agent', 'forbidden', as({ kind: 'agent' })],
      ['with another role', 'forbidden', as({ roles: ['keeper'] })],
    ]),
    ...concerning<'switch:put'>({ action: 'switch:put', actor: actor('monitor', ['operator'], { kind: 'service' }), off: true }, [
      ['off, by an agent', 'forbidden', as({ kind: 'agent' })],
    ]),
  ],
  'principal:put': concerning<'principal:put'>(
    { action: 'principal:put', actor: actor('aa', ['access-admin']), subject: { id: 'bo', person: 'bo' } },
    [
      ...outside<Asked<'principal:put'>>(),
      ['by an agent', 'forbidden', as({ kind: 'agent' })],
      ['with another role', 'forbidden', as({ roles: ['keeper'] })],
      ['of oneself, whoever that is', 'self_administration', () => ({ subject: { id: 'aa', person: 'somebody' } })],
      ['of oneself under another name', 'self_administration', () => ({ subject: { id: 'aa-home', person: 'aa' } })],
    ],
  ),
  'delegation:put': concerning<'delegation:put'>({ action: 'delegation:put', actor: member, delegator: member }, [
    ...outside<Asked<'delegation:put'>>(),
    ['by an agent', 'forbidden', as({ kind: 'agent' })],
    ['of somebody else', 'forbidden', () => ({ delegator: actor('cy', ['keeper']) })],
    ['of oneself under another name', 'forbidden', () => ({ delegator: actor('bo-home', [], { person: 'bo' }) })],
  ]),
  'delegation:delete': concerning<'delegation:delete'>(
    { action: 'delegation:delete', actor: member, delegator: actor('bo-home', [], { person: 'bo' }), delegate: actor('cy', []) },
    [
      ...outside<Asked<'delegation:delete'>>(),
      ['by an agent', 'forbidden', as({ kind: 'agent' })],
      ['by the delegate', 'allowed', () => ({ delegator: actor('cy', []), delegate: actor('bo-home', [], { person: 'bo' }) })],
      ['between others', 'forbidden', () => ({ delegator: actor('cy', []) })],
      [
        'between others, by an access administrator',
        'allowed',
        () => ({ actor: actor('aa', ['access-admin']), delegator: actor('cy', []) }),
      ],
    ],
  ),
  'schedule:change': [
    ...concerning<'schedule:change'>(
      { action: 'schedule:change', actor: member, change: 'resume', schedule: { ownerId: 'bo', ownerActsFor: null, changedBy: 'bo' } },
      [
        ...outside<Asked<'schedule:change'>>(),
        ['by an auditor', 'forbidden', as({ roles: ['auditor'] })],
        ['of somebody else', 'forbidden', () => ({ schedule: { ownerId: 'cy', ownerActsFor: null, changedBy: 'bo' } })],
        ['what another has paused', 'forbidden', () => ({ schedule: { ownerId: 'bo', ownerActsFor: null, changedBy: 'op' } })],
        [
          'what another has paused, to pause it',
          'allowed',
          () => ({ change: 'pause', schedule: { ownerId: 'bo', ownerActsFor: null, changedBy: 'op' } }),
        ],
        [
          'of the agent that acts for them, which paused it',
          'allowed',
          () => ({ schedule: { ownerId: 'robot', ownerActsFor: 'bo', changedBy: 'robot' } }),
        ],
        [
          'of the agent that acts for them, paused by themselves',
          'allowed',
          () => ({ schedule: { ownerId: 'robot', ownerActsFor: 'bo', changedBy: 'bo' } }),
        ],
      ],
    ),
    ...concerning<'schedule:change'>(
      {
        action: 'schedule:change',
        actor: actor('op', ['operator']),
        change: 'resume',
        schedule: { ownerId: 'bo', ownerActsFor: null, changedBy: 'cy' },
      },
      [
        ...outside<Asked<'schedule:change'>>(),
        ['by an operator who is an agent', 'forbidden', as({ kind: 'agent' })],
        ['by another than an operator', 'forbidden', as({ roles: ['keeper'] })],
      ],
    ),
  ],
  'proposal:create': concerning<'proposal:create'>(
    {
      action: 'proposal:create',
      actor: member,
      proposers: "'keeper' in proposer.roles || 'auditor' in proposer.roles || proposer.roles == []",
    },
    [
      ...outside<Asked<'proposal:create'>>(),
      ['by an auditor', 'forbidden', as({ roles: ['auditor'] })],
      ['by whom the action type does not admit', 'proposer_not_allowed', as({ roles: ['clerk'] })],
    ],
  ),
  'proposal:review': [
    ...concerning<'proposal:review'>(
      { action: 'proposal:review', actor: member, proposal, digest, requirement, reviews: [], decision: 'approve' },
      [
        ...outside<Asked<'proposal:review'>>(),
        ['by an agent', 'agent_may_not_review', as({ kind: 'agent' })],
        ['by whoever is behind it', 'self_review', as({ person: 'ann' })],
        [
          'by whoever is behind it, of what waits for nobody',
          'self_review',
          (right) => ({ ...as<typeof right>({ person: 'ann' })(right), ...of<typeof right>({ status: 'approved' })(right) }),
        ],
        ['for whoever is behind it', 'self_review', as({ actsFor: 'ann' })],
        ['by whoever is behind it, on behalf of another', 'self_review', () => ({ actor: actor('ann', ['clerk']), onBehalfOf: member })],
        [
          'on behalf of whoever is behind it',
          'self_review',
          () => ({ actor: actor('cy', ['clerk']), onBehalfOf: actor('ann', ['keeper']) }),
        ],
        [
          'on behalf of one who acts for whoever is behind it',
          'self_review',
          () => ({ actor: actor('cy', ['clerk']), onBehalfOf: actor('di', ['keeper'], { actsFor: 'ann' }) }),
        ],
        ['on behalf of an agent', 'not_delegated', () => ({ actor: actor('cy', ['clerk']), onBehalfOf: { ...member, kind: 'agent' } })],
        [
          'on behalf of one disabled',
          'not_delegated',
          () => ({ actor: actor('cy', ['clerk']), onBehalfOf: { ...member, disabled: true } }),
        ],
        ['of one that waits for nobody', 'not_awaiting_approval', of({ status: 'approved' })],
        ['of one without a plan', 'not_awaiting_approval', () => ({ requirement: null })],
        ['of another plan', 'stale_digest', () => ({ digest: 'sha256:bb' })],
        ['by whom nobody asks', 'not_eligible', as({ roles: ['clerk'] })],
        ['again', 'already_decided', () => ({ reviews: [approvalBy('bo')] })],
      ],
    ),
  ],
  'proposal:break_glass': concerning<'proposal:break_glass'>(
    { action: 'proposal:break_glass', actor: member, proposal, digest, requirement, reviews: [approvalBy('cy')], glass: null },
    [
      ...outside<Asked<'proposal:break_glass'>>(),
      ['without a plan', 'no_emergency', () => ({ requirement: null })],
      ['where nothing provides for it', 'no_emergency', () => ({ requirement: withoutGlass })],
      ['by another role', 'not_for_emergencies', as({ roles: ['clerk'] })],
      ['by an agent', 'not_for_emergencies', as({ kind: 'agent' })],
      ['by whoever is behind it', 'own_emergency', as({ person: 'ann' })],
      ['for whoever is behind it', 'own_emergency', as({ actsFor: 'ann' })],
      [
        'by whoever is behind it, where that is provided for',
        'allowed',
        (right) => ({
          ...as<typeof right>({ person: 'ann' })(right),
          requirement: { ...requirement, breakGlass: { ...glassRule, byProposer: true } },
        }),
      ],
      ['of what is done already', 'not_awaiting_approval', of({ status: 'executed' })],
      ['of what a freeze holds', 'not_awaiting_approval', of({ status: 'scheduled' })],
      [
        'of what a freeze holds, where that is provided for',
        'allowed',
        (right) => ({
          ...of<typeof right>({ status: 'scheduled' })(right),
          requirement: { ...requirement, breakGlass: { ...glassRule, passesFreezeWindows: true } },
        }),
      ],
      [
        'of what is done already, where a freeze is passed',
        'not_awaiting_approval',
        (right) => ({
          ...of<typeof right>({ status: 'executed' })(right),
          requirement: { ...requirement, breakGlass: { ...glassRule, passesFreezeWindows: true } },
        }),
      ],
      ['of another plan', 'stale_digest', () => ({ digest: 'sha256:bb' })],
      ['with nobody’s approval', 'emergency_unapproved', () => ({ reviews: [] })],
      ['with one’s own approval', 'emergency_unapproved', () => ({ reviews: [approvalBy('bo')] })],
      [
        'with an approval on one’s own behalf',
        'emergency_unapproved',
        () => ({ reviews: [approvalBy('cy', { delegate: { id: 'bo', kind: 'user', person: 'bo' } })] }),
      ],
      ['with a denial', 'emergency_unapproved', () => ({ reviews: [approvalBy('cy', { decision: 'reject' })] })],
      ['with the approval of one whom nobody asks', 'emergency_unapproved', () => ({ reviews: [approvalBy('cy', { roles: ['clerk'] })] })],
      ['with the approval of one disabled', 'emergency_unapproved', () => ({ reviews: [approvalBy('cy', { disabled: true })] })],
      ['with the approval of an agent', 'emergency_unapproved', () => ({ reviews: [approvalBy('cy', { kind: 'agent' })] })],
      [
        'with an approval by an agent on behalf of another',
        'emergency_unapproved',
        () => ({ reviews: [approvalBy('cy', { delegate: { id: 'x', kind: 'agent', person: 'x' } })] }),
      ],
      ['with the approval of one behind it', 'emergency_unapproved', () => ({ reviews: [approvalBy('ann')] })],
      ['broken already', 'already_broken', () => ({ glass: brokenBy('di') })],
      ['broken by one disabled since', 'allowed', () => ({ glass: brokenBy('di', { disabled: true }) })],
      ['broken by one without the role since', 'allowed', () => ({ glass: brokenBy('di', { roles: ['clerk'] }) })],
      ['broken by what turned out to be an agent', 'allowed', () => ({ glass: brokenBy('di', { kind: 'agent' }) })],
      ['broken by one who turned out to be behind it', 'allowed', () => ({ glass: brokenBy('di', { person: 'ann' }) })],
      ['broken by the one who alone approves it', 'allowed', () => ({ glass: brokenBy('cy') })],
    ],
  ),
  'proposal:review_emergency': concerning<'proposal:review_emergency'>(
    {
      ...{ action: 'proposal:review_emergency', actor: actor('of', ['officer']), proposal: { ...proposal, status: 'executed' } },
      ...{
        owed: { reviewers: "'officer' in reviewer.roles || reviewer.roles == []", behind: ['bo', 'bo in person', 'chief of bo'] },
      },
    },
    [
      ...outside<Asked<'proposal:review_emergency'>>(),
      ['by an agent', 'agent_may_not_review', as({ kind: 'agent' })],
      ['where none is owed', 'no_review_owed', () => ({ owed: null })],
      ['of what came to nothing', 'allowed', of({ status: 'failed' })],
      ['by whoever is behind it', 'own_emergency', as({ person: 'ann' })],
      ['for whoever is behind it', 'own_emergency', as({ actsFor: 'ann' })],
      ['by whoever broke it, under another name', 'own_emergency', as({ person: 'bo in person' })],
      ['by who acts for whoever broke it', 'own_emergency', as({ actsFor: 'bo' })],
      ['by whom whoever broke it acts for', 'own_emergency', as({ id: 'chief of bo' })],
      ['by whoever broke it, whoever that is now', 'own_emergency', as({ id: 'bo' })],
      ['by whom nobody asks', 'not_for_emergencies', as({ roles: ['clerk'] })],
    ],
  ),
  'proposal:withdraw': concerning<'proposal:withdraw'>(
    { action: 'proposal:withdraw', actor: actor('robot', ['agent'], { kind: 'agent' }), proposal },
    [
      ...outside<Asked<'proposal:withdraw'>>(),
      ['by the person for whom it acts', 'allowed', () => ({ actor: actor('ann', ['clerk']) })],
      ['by another', 'not_proposer', () => ({ actor: member })],
      ['after its execution', 'not_withdrawable', of({ status: 'executed' })],
    ],
  ),
  'proposal:cancel': concerning<'proposal:cancel'>(
    { action: 'proposal:cancel', actor: actor('robot', ['agent'], { kind: 'agent' }), proposal, underWay: true },
    [
      ...outside<Asked<'proposal:cancel'>>(),
      ['by the person for whom it acts', 'allowed', () => ({ actor: actor('ann', ['clerk']) })],
      ['by another', 'not_proposer', () => ({ actor: member })],
      ['by an operator', 'allowed', () => ({ actor: actor('op', ['operator']) })],
      ['by another agent that is an operator', 'not_proposer', () => ({ actor: actor('op', ['operator'], { kind: 'agent' }) })],
      ['of what is not under way', 'not_cancellable', () => ({ underWay: false })],
    ],
  ),
  'proposal:resolve': concerning<'proposal:resolve'>(
    { action: 'proposal:resolve', actor: actor('op', ['operator']), proposal: { ...proposal, status: 'needs_attention' } },
    [
      ...outside<Asked<'proposal:resolve'>>(),
      ['by a service', 'forbidden', as({ kind: 'service' })],
      ['by another than an operator', 'forbidden', as({ roles: ['keeper'] })],
      ['of what needs nobody', 'not_resolvable', of({ status: 'executing' })],
      ['by whoever is behind it under another name', 'own_execution', as({ person: 'ann' })],
      ['by whoever is behind it, whoever that is now', 'own_execution', of({ behind: ['op'] })],
      ['by whoever is behind it by name', 'own_execution', as({ id: 'ann' })],
      ['for whoever is behind it', 'own_execution', as({ actsFor: 'ann' })],
    ],
  ),
  'proposal:revise': concerning<'proposal:revise'>(
    {
      action: 'proposal:revise',
      actor: actor('robot', ['agent'], { kind: 'agent' }),
      proposal: { ...proposal, status: 'changes_requested' },
      isRevert: false,
    },
    [
      ...outside<Asked<'proposal:revise'>>(),
      ['by an auditor', 'forbidden', as({ roles: ['auditor'] })],
      ['by the person for whom it acts', 'allowed', () => ({ actor: actor('ann', ['clerk']) })],
      ['by another', 'not_proposer', () => ({ actor: member })],
      ['of what nobody asked to change', 'not_revisable', of({ status: 'awaiting_approval' })],
      ['of a revert', 'not_revisable', () => ({ isRevert: true })],
    ],
  ),
  'proposal:revert': concerning<'proposal:revert'>(
    {
      ...{ action: 'proposal:revert', actor: member, proposal: { ...proposal, status: 'executed' }, revertible: true, reverted: false },
      ...{ revertOpen: false, tooLate: false, automatic: false, proposers: "'keeper' in proposer.roles" },
    },
    [
      ...outside<Asked<'proposal:revert'>>(),
      ['by an auditor', 'forbidden', as({ roles: ['auditor'] })],
      ['of what was not done', 'not_revertible', of({ status: 'failed' })],
      ['of what cannot be', 'not_revertible', () => ({ revertible: false })],
      ['a second time', 'already_reverted', () => ({ reverted: true })],
      ['beside another', 'revert_open', () => ({ revertOpen: true })],
      ['too late', 'revert_too_late', () => ({ tooLate: true })],
      ['by one who may not propose it, where people approve', 'allowed', as({ roles: ['clerk'] })],
      ['by policy alone', 'allowed', () => ({ automatic: true })],
      [
        'by policy alone, by one who may not propose it',
        'proposer_not_allowed',
        (right) => ({ ...as<typeof right>({ roles: ['clerk'] })(right), automatic: true }),
      ],
    ],
  ),
};

describe.each(Object.entries(questions))('%s', (_, cases) => {
  it.each(cases)('%s: %s', (_name, expected, request) => {
    const authority = decide(request);
    expect(authority.allowed ? 'allowed' : authority.reason).toBe(expected);
  });
});
