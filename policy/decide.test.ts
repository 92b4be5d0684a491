import { describe, expect, it } from 'vitest';
import type { Actor, AuthorityRequest, ProposalFacts, ReviewFact } from '../ontology/authority.ts';
import type { ProposalStatus } from '../ontology/lifecycle.ts';
import type { ResolvedRequirement } from '../ontology/plan.ts';
import { decide } from './decide.ts';

const digest = 'sha256:aa';
const proposal: ProposalFacts = {
  status: 'awaiting_approval',
  revision: 1,
  digest,
  proposerId: 'ops-agent',
  proposerActsFor: null,
  behind: ['ops-agent'],
};
const requirement: ResolvedRequirement = {
  policy: 'two-stage',
  automatic: false,
  stages: [
    {
      name: 'operations',
      thresholds: [{ name: 'operations', needed: 1, toleratedDenials: 0, reviewers: '"duty-manager" in reviewer.roles' }],
    },
    { name: 'safety', thresholds: [{ name: 'safety', needed: 1, toleratedDenials: 0, reviewers: '"safety-officer" in reviewer.roles' }] },
  ],
  distinctReviewers: true,
  expiresAfter: 'PT72H',
};

const actor = (id: string, roles: string[], more: Partial<Actor> = {}): Actor => ({
  id,
  kind: 'user',
  roles,
  actsFor: null,
  disabled: false,
  person: id,
  teams: [],
  ...more,
});
const manager = actor('duty-manager-1', ['duty-manager']);
const standIn = actor('stand-in', ['clerk']);
const officer = actor('safety-officer', ['safety-officer']);
const approvalBy = ({ id, kind, roles, person, teams }: Actor): ReviewFact => ({
  id,
  reviewerId: id,
  decision: 'approve',
  at: '2026-01-01T00:00:00.000Z',
  roles,
  kind,
  disabled: false,
  person,
  teams,
});

const review = (who: Actor, more: Partial<Extract<AuthorityRequest, { action: 'proposal:review' }>> = {}) =>
  decide({ action: 'proposal:review', actor: who, proposal, digest, requirement, reviews: [], decision: 'approve', ...more });
const answer = (authority: ReturnType<typeof decide>) => (authority.allowed ? 'allowed' : authority.reason);

describe('who may review', () => {
  const cases: [name: string, verdict: string, authority: ReturnType<typeof decide>][] = [
    ['a manager in the open stage may', 'allowed', review(manager)],
    ['an officer must wait for the first stage', 'not_eligible', review(officer)],
    ['an officer may once the first stage is approved', 'allowed', review(officer, { reviews: [approvalBy(manager)] })],
    ['a manager does not approve twice', 'already_decided', review(manager, { reviews: [approvalBy(manager)] })],
    [
      'a manager takes no approval back once the stage is closed',
      'not_eligible',
      review(manager, { reviews: [approvalBy(manager)], decision: 'reject' }),
    ],
    ['no agent reviews, whatever its roles', 'agent_may_not_review', review(actor('ops-agent-2', ['duty-manager'], { kind: 'agent' }))],
    ['no service reviews', 'agent_may_not_review', review(actor('robot', ['duty-manager'], { kind: 'service' }))],
    [
      'the proposing agent hears that it is an agent',
      'agent_may_not_review',
      review(actor('ops-agent', ['duty-manager'], { kind: 'agent' })),
    ],
    [
      'nobody reviews their own proposal',
      'self_review',
      review(manager, { proposal: { ...proposal, proposerId: manager.id, behind: [manager.id] } }),
    ],
    [
      'nobody reviews what an agent proposed for them',
      'self_review',
      review(manager, { proposal: { ...proposal, proposerActsFor: manager.id, behind: ['ops-agent', manager.id] } }),
    ],
    [
      'nobody reviews their own proposal under another identity',
      'self_review',
      review({ ...manager, person: 'anna' }, { proposal: { ...proposal, proposerId: 'anna-at-home', behind: ['anna'] } }),
    ],
    ['nobody reviews for the proposer', 'self_review', review({ ...manager, actsFor: 'ops-agent' })],
    ['a delegate may with the delegator’s roles', 'allowed', review(standIn, { onBehalfOf: manager })],
    ['a delegate waits for the stage of the delegator', 'not_eligible', review(standIn, { onBehalfOf: officer })],
    [
      'nobody reviews on behalf of whoever proposed',
      'self_review',
      review(standIn, { onBehalfOf: manager, proposal: { ...proposal, behind: ['ops-agent', manager.id] } }),
    ],
    [
      'nobody reviews their own proposal on behalf of another',
      'self_review',
      review(standIn, { onBehalfOf: manager, proposal: { ...proposal, behind: ['ops-agent', standIn.id] } }),
    ],
    ['nobody stands in for an agent', 'not_delegated', review(standIn, { onBehalfOf: { ...manager, kind: 'agent' } })],
    ['nobody stands in for somebody disabled', 'not_delegated', review(standIn, { onBehalfOf: { ...manager, disabled: true } })],
    ['no agent stands in', 'agent_may_not_review', review({ ...standIn, kind: 'agent' }, { onBehalfOf: manager })],
    [
      'a delegator has decided once the delegate has',
      'already_decided',
      review(manager, { reviews: [{ ...approvalBy(manager), delegate: { id: standIn.id, kind: 'user', person: standIn.id } }] }),
    ],
    ['a disabled manager does not', 'forbidden', review({ ...manager, disabled: true })],
    ['a principal without roles does not', 'forbidden', review(actor('nobody', []))],
    ['an auditor is not asked', 'not_eligible', review(actor('auditor', ['auditor']))],
    ['another digest is stale', 'stale_digest', review(manager, { digest: 'sha256:bb' })],
    ['a decided proposal takes no review', 'not_awaiting_approval', review(manager, { proposal: { ...proposal, status: 'approved' } })],
    ['a proposal without a plan takes none', 'not_awaiting_approval', review(manager, { requirement: null })],
  ];
  it.each(cases)('%s', (_name, verdict, authority) => {
    expect(answer(authority)).toBe(verdict);
  });
});

describe('who may delegate, and end a delegation', () => {
  const put = (who: Actor, delegator: Actor = manager) => answer(decide({ action: 'delegation:put', actor: who, delegator }));
  const end = (who: Actor) => answer(decide({ action: 'delegation:delete', actor: who, delegator: manager, delegate: standIn }));
  const atHome = actor('duty-manager-1-at-home', ['clerk'], { person: manager.person });
  const accessAdmin = actor('access', ['access-admin']);

  it.each([
    ['people delegate their own reviewing', put(manager), 'allowed'],
    ['not under another identity, whose roles may be others', put(atHome), 'forbidden'],
    ['nobody that of others', put(standIn), 'forbidden'],
    ['an access administrator neither', put(accessAdmin), 'forbidden'],
    ['nobody without a role', put(actor(manager.id, [])), 'forbidden'],
    ['nobody who is disabled', put({ ...manager, disabled: true }), 'forbidden'],
    ['no agent', put({ ...manager, kind: 'agent' }), 'forbidden'],
    ['no service', put({ ...manager, kind: 'service' }), 'forbidden'],
    ['the delegator ends it', end(atHome), 'allowed'],
    ['the delegate does', end(standIn), 'allowed'],
    ['an access administrator does', end(accessAdmin), 'allowed'],
    ['nobody else', end(officer), 'forbidden'],
    ['no agent with that role', end({ ...accessAdmin, kind: 'agent' }), 'forbidden'],
    ['nobody disabled', end({ ...standIn, disabled: true }), 'forbidden'],
  ])('%s', (_name, verdict, expected) => {
    expect(verdict).toBe(expected);
  });
});

describe('who may see sensitive values', () => {
  const see = (who: Actor, readers = "'sensitive-reader' in reader.roles") =>
    answer(decide({ action: 'sensitive:read', actor: who, readers }));
  const reader = actor('anna', ['sensitive-reader']);

  it.each([
    ['whoever the expression admits', see(reader), 'allowed'],
    ['an agent that it admits', see(actor('a', ['sensitive-reader'], { kind: 'agent' })), 'allowed'],
    ['nobody else', see(manager), 'sensitive_property'],
    ['nobody who is disabled', see({ ...reader, disabled: true }), 'forbidden'],
    ['nobody without a role', see(actor('x', []), 'true'), 'forbidden'],
    ['nobody where the expression cannot be read', see(reader, 'reader.'), 'sensitive_property'],
    ['nobody where it cannot be computed', see(reader, "reader.roles[7] == 'x'"), 'sensitive_property'],
    ['nobody where it speaks of another', see(reader, "'sensitive-reader' in reviewer.roles"), 'sensitive_property'],
  ])('%s', (_name, verdict, expected) => {
    expect(verdict).toBe(expected);
  });
});

describe('who may propose, read, define, withdraw and revert', () => {
  const propose = (who: Actor, proposers: string | null = null) => answer(decide({ action: 'proposal:create', actor: who, proposers }));
  const withdraw = (who: Actor, status: ProposalStatus) =>
    answer(decide({ action: 'proposal:withdraw', actor: who, proposal: { ...proposal, status, proposerActsFor: 'dispatcher' } }));
  const revert = (who: Actor, more: Partial<Extract<AuthorityRequest, { action: 'proposal:revert' }>> = {}) =>
    answer(
      decide({
        action: 'proposal:revert',
        actor: who,
        proposal: { ...proposal, status: 'executed' },
        revertible: true,
        reverted: false,
        revertOpen: false,
        tooLate: false,
        proposers: null,
        automatic: false,
        ...more,
      }),
    );
  const agent = actor('ops-agent', ['ops-agent'], { kind: 'agent' });
  const auditor = actor('auditor', ['auditor']);

  it.each([
    ['an agent with a role proposes', propose(agent), 'allowed'],
    ['an auditor does not', propose(auditor), 'forbidden'],
    ['the action type chooses its proposers', propose(agent, '"ontology-admin" in proposer.roles'), 'proposer_not_allowed'],
    ['and admits those it names', propose(actor('a', ['ontology-admin']), '"ontology-admin" in proposer.roles'), 'allowed'],
    ['a condition that cannot be read admits nobody', propose(agent, 'proposer.'), 'proposer_not_allowed'],
    ['every member reads', answer(decide({ action: 'read', actor: auditor })), 'allowed'],
    ['nobody without a role reads', answer(decide({ action: 'read', actor: actor('x', []) })), 'forbidden'],
    ['an ontology admin defines', answer(decide({ action: 'ontology:put', actor: actor('a', ['ontology-admin']) })), 'allowed'],
    [
      'an agent never defines',
      answer(decide({ action: 'ontology:put', actor: actor('a', ['ontology-admin'], { kind: 'agent' }) })),
      'forbidden',
    ],
    ['others do not define', answer(decide({ action: 'ontology:put', actor: manager })), 'forbidden'],
    ['the proposer withdraws', withdraw(agent, 'awaiting_approval'), 'allowed'],
    ['so does the person behind an agent', withdraw(actor('dispatcher', ['dispatcher']), 'approved'), 'allowed'],
    ['nobody else does', withdraw(manager, 'awaiting_approval'), 'not_proposer'],
    ['not once it executes', withdraw(agent, 'executing'), 'not_withdrawable'],
    ['not once it is over', withdraw(agent, 'executed'), 'not_withdrawable'],
    ['whoever acts may ask for a revert', revert(agent), 'allowed'],
    ['an auditor may not', revert(auditor), 'forbidden'],
    ['only what was executed', revert(agent, { proposal: { ...proposal, status: 'failed' } }), 'not_revertible'],
    ['only what its action type lets', revert(agent, { revertible: false }), 'not_revertible'],
    ['once', revert(agent, { reverted: true }), 'already_reverted'],
    ['one at a time', revert(agent, { revertOpen: true }), 'revert_open'],
    ['no longer than the document allows', revert(agent, { tooLate: true }), 'revert_too_late'],
    [
      'where policy alone approves, only its proposers',
      revert(agent, { automatic: true, proposers: '"dispatcher" in proposer.roles' }),
      'proposer_not_allowed',
    ],
  ])('%s', (_name, verdict, expected) => {
    expect(verdict).toBe(expected);
  });
});
