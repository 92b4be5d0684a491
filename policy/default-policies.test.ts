import { describe, expect, it } from 'vitest';
import type { Actor, AuthorityRequest, ProposalFacts } from '../ontology/authority.ts';
import type { ResolvedRequirement } from '../ontology/plan.ts';
import type { PolicyAction } from '../ontology/policy-engine.ts';
import { type Setting, settingActions } from '../ontology/setting-actions.ts';
import { CedarEngine } from './cedar-engine.ts';
import { decide } from './decide.ts';
import { defaultPolicies } from './default-policies.ts';

/** Every set of the roles that mean something to the product itself, and one that means nothing to it; the built-in policies name no others. */
const roles = ['auditor', 'keeper', 'ontology-admin', 'operator', 'access-admin'];
const roleSets = Array.from({ length: 2 ** roles.length }, (_, set) => roles.filter((_role, at) => (set >> at) % 2 === 1));
const actorOf = (id: string, kind: Actor['kind'], held: string[]): Actor => ({
  ...{ id, kind, roles: held, actsFor: null, disabled: false, person: id, teams: [] },
});
const everybody = (['user', 'agent', 'service'] as const).flatMap((kind) => roleSets.map((held) => actorOf('a', kind, held)));
const people = roleSets.map((held) => actorOf('d', 'user', held));

const digest = 'sha256:aa';
const facts = (more: Partial<ProposalFacts> = {}): ProposalFacts => ({
  ...{ status: 'awaiting_approval', revision: 1, digest, proposerId: 'p', proposerActsFor: null, behind: ['p'] },
  ...more,
});
/** As little as an approval policy can ask, and as much as one can allow. */
const anybody: ResolvedRequirement = {
  policy: 'anybody',
  automatic: false,
  stages: [{ name: 's', thresholds: [{ name: 's', needed: 1, toleratedDenials: 0, reviewers: 'true' }] }],
  distinctReviewers: true,
  expiresAfter: 'P1D',
  breakGlass: { roles, approvals: 0, reviewWithin: 'P1D', reviewers: 'true', byProposer: true },
};
const review = (actor: Actor, more: Partial<ProposalFacts>, onBehalfOf?: Actor): AuthorityRequest => ({
  ...{ action: 'proposal:review', actor, proposal: facts(more), digest, requirement: anybody, reviews: [] },
  ...(onBehalfOf ? { onBehalfOf } : {}),
});
const subject = { id: 'b', person: 'b' };
const settings = Object.keys(settingActions) as Setting[];

/** What the gate is asked wherever policies are asked the other. */
const questions: [action: PolicyAction, resource: string, ask: (actor: Actor) => AuthorityRequest][] = [
  ['see', '', (actor) => ({ action: 'read', actor })],
  ['see', 'closeRoom', (actor) => ({ action: 'read', actor })],
  ['propose', 'closeRoom', (actor) => ({ action: 'proposal:create', actor, proposers: null })],
  [
    'propose',
    'closeRoom',
    (actor) => ({ action: 'proposal:revise', actor, proposal: facts({ status: 'changes_requested', proposerId: 'a' }), isRevert: false }),
  ],
  [
    'propose',
    'closeRoom',
    (actor) => ({
      ...{ action: 'proposal:revert', actor, proposal: facts({ status: 'executed' }), revertible: true, revertOpen: false },
      ...{ reverted: false, tooLate: false, proposers: null, automatic: false },
    }),
  ],
  ['review', 'closeRoom', (actor) => review(actor, {})],
  [
    'override',
    'closeRoom',
    (actor) => ({ action: 'proposal:break_glass', actor, proposal: facts(), digest, requirement: anybody, reviews: [], glass: null }),
  ],
  ['administer', 'ontology', (actor) => ({ action: 'ontology:put', actor })],
  ['administer', 'subscriptions', (actor) => ({ action: 'ontology:put', actor })],
  ['administer', 'policies', (actor) => ({ action: 'policies:put', actor })],
  ['administer', 'switches', (actor) => ({ action: 'switch:put', actor, off: false })],
  ['administer', 'freezes', (actor) => ({ action: 'switch:put', actor, off: false })],
  ['administer', 'principals', (actor) => ({ action: 'principal:put', actor, subject })],
  ['administer', 'delegations', (actor) => ({ action: 'delegation:put', actor, delegator: actor })],
  ...settings.map((setting): [PolicyAction, string, (actor: Actor) => AuthorityRequest] => [
    'administer',
    setting,
    (actor) => review(actor, { setting }),
  ]),
];

const engine = new CedarEngine();
const allows = (principal: Actor, action: PolicyAction, resource: string) =>
  engine.decide(defaultPolicies, { principal, action, resource, context: { now: '1970-01-01T00:00:00.000Z', revert: false } }).decision ===
  'allow';

describe('what the built-in policies refuse the gate refuses as well, so no set in their place permits more', () => {
  it.each(questions)('%s %s', (action, resource, ask) => {
    expect(everybody.filter((actor) => !allows(actor, action, resource) && decide(ask(actor)).allowed)).toEqual([]);
    expect(everybody.some((actor) => allows(actor, action, resource) && decide(ask(actor)).allowed)).toBe(true);
  });

  it.each(settings)('a review of %s by a delegate, who is asked and on whose behalf they are', (setting) => {
    const actors = everybody.filter(({ kind }) => kind === 'user');
    const pairs = actors.flatMap((actor) => people.map((delegator) => ({ actor, delegator })));
    const allowed = pairs.filter(({ actor, delegator }) => decide(review(actor, { setting }, delegator)).allowed);
    expect(allowed.filter((pair) => !Object.values(pair).every((one) => allows(one, 'administer', setting)))).toEqual([]);
    expect(allowed.length).toBeGreaterThan(0);
  });
});
