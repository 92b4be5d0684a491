import { randomUUID } from 'node:crypto';
import type { ApiContext } from '../../api/api-context.ts';
import { routes } from '../../api/routes.ts';
import { tellRefusal } from '../../api/tell-refusal.ts';
import type { Caller } from '../../ontology/authority.ts';
import { mayNotSee } from '../../store/ask-policies.ts';
import { breakGlass } from '../../store/break-glass.ts';
import { removeFreezeWindow, setFreezeWindow } from '../../store/change-freeze-window.ts';
import { changePrincipal } from '../../store/change-principal.ts';
import { createProposal } from '../../store/create-proposal.ts';
import { createRevert } from '../../store/create-revert.ts';
import { putDelegation } from '../../store/put-delegation.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { readProposalRecord } from '../../store/read-proposal.ts';
import { recordReview } from '../../store/record-review.ts';
import { type Refusal, refuse } from '../../store/refusal.ts';
import { reviewEmergency } from '../../store/review-emergency.ts';
import { reviseProposal } from '../../store/revise-proposal.ts';
import { revokeDelegation } from '../../store/revoke-delegation.ts';
import { cancelExecution } from '../../store/saga/cancel-execution.ts';
import { mayNotSeeProposal } from '../../store/see-proposal.ts';
import type { PrismaTx } from '../../store/sql.ts';
import { resolveActor } from '../../store/standing.ts';
import type { StoreDeps } from '../../store/store-deps.ts';
import { withdrawProposal } from '../../store/withdraw-proposal.ts';
import { building, type Fixture } from '../store/fixture.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import type { ActorName, OnProposalName, OnTenantName } from './decision-matrix.ts';
import { callers, type Made } from './decision-scene.ts';

type Doing<S> = (tx: PrismaTx, by: Caller, deps: StoreDeps, subject: S) => Promise<object>;

const review =
  (decision: 'approve' | 'reject' | 'request_changes'): Doing<Made> =>
  (tx, reviewer, deps, { id, digest }) =>
    // Without a plan there is no digest that could be known; that there is none is found before it is compared.
    recordReview(tx, { proposalId: id, digest: digest ?? 'none', decision, reason: 'so', reviewer }, deps);

const breakingGlass: Doing<Made> = (tx, by, deps, { id, digest }) =>
  breakGlass(tx, { proposalId: id, digest: digest ?? 'none', reason: 'fire', by }, deps);

/** How each action of the matrix is done: the functions that the routes call. */
export const doings: Record<OnProposalName, Doing<Made>> = {
  seeIt: async (tx, by, deps, { id }) => {
    const actor = await resolveActor(tx, by);
    if ((await readProposalRecord(tx, id)) === null) return refuse('not_found');
    const authority = deps.decide({ action: 'read', actor });
    if (!authority.allowed) return refuse(authority.reason);
    return (await mayNotSee(tx, deps, actor)) ?? (await mayNotSeeProposal(tx, deps, actor, id)) ?? {};
  },
  approve: review('approve'),
  reject: review('reject'),
  requestChanges: review('request_changes'),
  revise: (tx, by, deps, { id }) => reviseProposal(tx, { proposalId: id, parameters: { name: randomUUID() }, by }, deps),
  withdraw: (tx, by, deps, { id }) => withdrawProposal(tx, { proposalId: id, by }, deps),
  revert: (tx, proposer, deps, { id }) => createRevert(tx, { proposalId: id, justification: 'back', proposer }, deps),
  cancel: (tx, by, deps, { id }) => cancelExecution(tx, { proposalId: id, reason: 'stop', by }, deps),
  resolve: (tx, by, deps, { id }) => resolveAsAsked(tx, { proposalId: id, choice: 'skip', reason: 'seen to', by }, deps),
  breakGlassAtNight: breakingGlass,
  lookBack: (tx, by, deps, { id }) => reviewEmergency(tx, { proposalId: id, verdict: 'justified', comment: 'so', by }, deps),
  breakGlass: breakingGlass,
};

const at = (ms: number) => new Date(ms).toISOString();
const day = 86_400_000;

/** The subject is a name that nothing else has. */
export const tenantDoings: Record<OnTenantName, Doing<string>> = {
  see: async (tx, by, deps) => {
    const actor = await resolveActor(tx, by);
    const authority = deps.decide({ action: 'read', actor });
    return authority.allowed ? ((await mayNotSee(tx, deps, actor)) ?? {}) : refuse(authority.reason);
  },
  propose: (tx, proposer, deps, name) =>
    createProposal(tx, { actionType: 'askFloor', parameters: { name }, justification: 'because', proposer }, deps),
  switchOff: (tx, by, deps, name) => putSwitch(tx, { scope: 'principal', name, state: 'off', reason: 'smoke', by }, deps),
  switchOn: (tx, by, deps, name) => putSwitch(tx, { scope: 'principal', name, state: 'on', reason: 'over', by }, deps),
  setWindow: (tx, by, deps, name) =>
    setFreezeWindow(tx, { name, reason: 'count', once: { from: at(Date.now() + 300 * day), until: at(Date.now() + 301 * day) }, by }, deps),
  removeWindow: (tx, by, deps, name) => removeFreezeWindow(tx, { name, reason: 'counted', by }, deps),
  putPolicies: (tx, by, deps, name) =>
    putPolicies(tx, { policies: { [name]: 'permit (principal, action, resource);' }, cases: [] }, by, deps),
  putOntology: (tx, by, deps, name) =>
    putOntology(tx, { ...building, objectTypes: { ...building.objectTypes, [name]: { properties: {} } } }, by, deps),
  putPrincipal: (tx, by, deps, id) => changePrincipal(tx, { id, change: { teams: ['night'] }, by }, deps),
  disable: (tx, by, deps, id) => changePrincipal(tx, { id, change: { disabled: true }, by }, deps),
  delegate: (tx, by, deps, id) => putDelegation(tx, { id, delegate: 'stand-in-1', endsAt: at(Date.now() + day), reason: 'away', by }, deps),
  revokeDelegation: (tx, by, deps, id) => revokeDelegation(tx, { id, by }, deps),
  readAudit: async (tx, by, deps) => {
    const authority = deps.decide({ action: 'audit:read', actor: await resolveActor(tx, by) });
    return authority.allowed ? {} : refuse(authority.reason);
  },
};

const routeOf: Record<OnTenantName, string> = {
  see: 'listProposals',
  propose: 'createProposal',
  switchOff: 'putSwitch',
  switchOn: 'putSwitch',
  setWindow: 'putFreezeWindow',
  removeWindow: 'deleteFreezeWindow',
  putPolicies: 'putPolicies',
  putOntology: 'putOntology',
  putPrincipal: 'putPrincipal',
  disable: 'putPrincipal',
  delegate: 'putDelegation',
  revokeDelegation: 'deleteDelegation',
  readAudit: 'exportAudit',
};

/** Has the refusal put on record as its route does, which alone knows that nothing else came of the call. */
export async function toldByRoute({ api, tenant }: Fixture, action: OnTenantName, actor: ActorName, refusal: Refusal): Promise<void> {
  const route = routes.find(({ name }) => name === routeOf[action]);
  if (route === undefined) throw new Error(`there is no route ${routeOf[action]}`);
  const context = { resources: { pool: api } } as ApiContext;
  await tellRefusal(route, refusal, { caller: { ...callers[actor], tenant }, params: {}, body: {} }, context);
}
