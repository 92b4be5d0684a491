import type { Caller } from '../../ontology/authority.ts';
import type { ProposalStatus } from '../../ontology/lifecycle.ts';
import type { Policies } from '../../ontology/policy-engine.ts';
import { cedar } from '../../policy/cedar.ts';
import { breakGlass } from '../../store/break-glass.ts';
import { createProposal } from '../../store/create-proposal.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { failProposal } from '../../store/fail-proposal.ts';
import { PolicySets } from '../../store/policy-sets.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { recordReview } from '../../store/record-review.ts';
import { cancelExecution } from '../../store/saga/cancel-execution.ts';
import { recordAnswer } from '../../store/saga/record-answer.ts';
import { startAttempt } from '../../store/saga/start-attempt.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import type { Sql } from '../../store/sql.ts';
import { resolveActor } from '../../store/standing.ts';
import type { StoreDeps } from '../../store/store-deps.ts';
import { withdrawProposal } from '../../store/withdraw-proposal.ts';
import { building, caller, expectDone, type Fixture, simulated } from '../store/fixture.ts';
import type { ActorName, Circumstance, Execution } from './decision-matrix.ts';

const machine = (id: string, role: string, kind: 'agent' | 'service'): Caller => caller(id, [role], { kind });

/** Each under a name of its own, so that what is recorded tells them apart. */
export const callers: Record<ActorName, Caller> = {
  proposer: caller('agent-1', ['agent'], { kind: 'agent', actsFor: 'dispatcher-1' }),
  principal: caller('dispatcher-1', ['keeper']),
  linkedIdentity: caller('dispatcher-home', ['keeper']),
  assistant: caller('assistant-1', ['keeper'], { actsFor: 'dispatcher-1' }),
  keeper: caller('keeper-1'),
  officer: caller('officer-1'),
  visitor: caller('visitor-1'),
  disabledKeeper: caller('keeper-9'),
  keeperAgent: machine('keeper-agent', 'keeper', 'agent'),
  keeperService: machine('keeper-service', 'keeper', 'service'),
  operator: caller('operator-1'),
  operatorAgent: machine('operator-agent', 'operator', 'agent'),
  operatorService: machine('operator-service', 'operator', 'service'),
  ontologyAdmin: caller('ontology-admin-1'),
  ontologyAdminAgent: machine('ontology-admin-agent', 'ontology-admin', 'agent'),
  accessAdmin: caller('access-admin-1'),
  accessAdminAgent: machine('access-admin-agent', 'access-admin', 'agent'),
  auditor: caller('auditor-1'),
  nobody: caller('nobody', []),
};

const atNight = 'askFloorAtNight';
/** Switched off once it is approved. */
const stopped = 'askFloorInVain';
/** What is asked for in the place of what has no effects, which is never seen under way. */
const furnished: Readonly<Record<string, string>> = { askFloorTwice: 'furnishFloor', [atNight]: 'furnishFloorAtNight' };

const { askFloorTwice } = building.actionTypes;
const askAtNight = { ...askFloorTwice, approvalPolicy: 'two-stage-at-night' };
const webhook = { endpoint: 'furnisher', path: ["'orders'", 'name'] };
const effects = [
  {
    name: 'order',
    phase: 'writeBack',
    webhook,
    lostAnswer: 'key',
    compensation: { webhook: { ...webhook, method: 'DELETE' }, lostAnswer: 'key' },
  },
];

/** The office building, where a floor may be asked for at night as well, and be furnished. */
export const buildingAtNight = {
  ...building,
  endpoints: { furnisher: { url: 'https://furnisher.example' } },
  actionTypes: {
    ...building.actionTypes,
    [atNight]: askAtNight,
    [stopped]: askFloorTwice,
    furnishFloor: { ...askFloorTwice, effects },
    furnishFloorAtNight: { ...askAtNight, effects },
  },
  approvalPolicies: {
    ...building.approvalPolicies,
    'two-stage-at-night': {
      ...building.approvalPolicies['two-stage'],
      breakGlass: { roles: ['keeper'], approvals: 0, reviewWithin: 'PT24H', reviewers: "'officer' in reviewer.roles" },
    },
  },
};

/** Who brings proposals into their states: nobody of whom the matrix speaks. */
const others = { keeper: caller('keeper-8'), officer: caller('officer-8'), operator: caller('operator-8') };
const executeLater = 30 * 60_000; // Within the hour after which proposals of the building expire.

export async function meetEverybody(fixture: Fixture): Promise<void> {
  for (const who of [...Object.values(callers), ...Object.values(others), caller('stand-in-1')]) {
    await fixture.inApi((tx) => resolveActor(tx, who));
  }
  const put = (id: string, change: object) =>
    fixture.inApi((tx) => putPrincipal(tx, { id, change, by: callers.accessAdmin }, fixture.deps)).then(expectDone);
  await put('dispatcher-home', { linkedIdentities: ['dispatcher-1'] });
  await put('keeper-9', { disabled: true });
}

export interface Made {
  id: string;
  digest: string | null;
}

let made = 0;

const underWay: readonly ProposalStatus[] = ['executing', 'compensating', 'needs_attention'];
const approvedOnce: readonly ProposalStatus[] = ['approved', 'scheduled', 'executed', ...underWay];

/** A new proposal of the proposer's in this state. */
export async function proposalIn(
  fixture: Fixture,
  status: ProposalStatus,
  named = 'askFloorTwice',
  isForLater = status === 'scheduled',
): Promise<Made> {
  const { worker, tenant, deps } = fixture;
  const actionType = underWay.includes(status) ? (furnished[named] ?? named) : named;
  const proposed = await fixture.inApi(async (tx) =>
    createProposal(
      tx,
      {
        actionType: status === 'invalid' ? 'closeRoom' : actionType,
        parameters: status === 'invalid' ? { room: await closedRoom(fixture) } : { name: `M${++made}` },
        justification: 'because',
        proposer: callers.proposer,
        ...(isForLater ? { executeAfter: await later(tx) } : {}),
      },
      deps,
    ),
  );
  const id = expectDone(proposed).proposalId;
  if (status === 'simulating') return { id, digest: null };
  if (status === 'failed') {
    await failProposal(worker, tenant, id, { code: 'execution_failed', faults: [] });
    return { id, digest: null };
  }
  const { digest } = await simulated(fixture, id);
  const review = async (reviewer: Caller, decision: 'approve' | 'reject' | 'request_changes') =>
    expectDone(
      await fixture.inApi((tx) => recordReview(tx, { proposalId: id, digest: digest ?? '', decision, reason: 'so', reviewer }, deps)),
    );
  if (status === 'rejected') await review(others.keeper, 'reject');
  if (status === 'changes_requested') await review(others.keeper, 'request_changes');
  if (status === 'withdrawn') expectDone(await fixture.inApi((tx) => withdrawProposal(tx, { proposalId: id, by: callers.proposer }, deps)));
  if (status === 'expired') {
    await fixture.database.advanceClock(2 * 3_600_000);
    await settleProposal(worker, tenant, id, deps);
  }
  if (status === 'executed' && actionType === atNight) {
    const emergency = { proposalId: id, digest: digest ?? '', reason: 'fire', by: others.keeper };
    expectDone(await fixture.inApi((tx) => breakGlass(tx, emergency, deps)));
    await executeProposal(worker, tenant, id, deps);
  } else if (approvedOnce.includes(status)) {
    await review(others.keeper, 'approve');
    await review(others.officer, 'approve');
    if (status !== 'approved') await executeProposal(worker, tenant, id, deps);
    if (status === 'compensating' || status === 'needs_attention') await turnedBack(fixture, id);
    if (status === 'needs_attention') {
      await answered(fixture, id, 'undo', 409);
      await executeProposal(worker, tenant, id, deps);
    }
  }
  return { id, digest };
}

/** Its effect is done, and it is being undone. */
async function turnedBack(fixture: Fixture, id: string): Promise<void> {
  await answered(fixture, id, 'do', 200);
  await cancelled(fixture, id);
  await executeProposal(fixture.worker, fixture.tenant, id, fixture.deps);
}

async function cancelled({ inApi, deps }: Fixture, proposalId: string): Promise<void> {
  expectDone(await inApi((tx) => cancelExecution(tx, { proposalId, reason: 'out of stock', by: others.operator }, deps)));
}

/** The effect is sent, or taken back, and this is what the furnisher says. */
async function answered({ worker, tenant, deps }: Fixture, id: string, kind: 'do' | 'undo', status: number): Promise<void> {
  const started = await startAttempt(worker, tenant, id, { kind, ordinal: 0 }, deps);
  if (started === null || !('attempt' in started)) throw new Error(`it is not to be ${kind === 'do' ? 'done' : 'undone'} now`);
  await recordAnswer(worker, started.attempt, { kind: 'answered', status, body: undefined }, false);
}

/** One that is to be executed under these circumstances, and what it is executed with. */
export async function toBeExecuted(
  fixture: Fixture,
  { status, given = [] }: Pick<Execution, 'status' | 'given'>,
): Promise<{ proposal: Made; deps: StoreDeps }> {
  const isGiven = (circumstance: Circumstance) => given.includes(circumstance);
  const isForLater = status === 'scheduled' || isGiven('before its time');
  const proposal = await proposalIn(fixture, status, isGiven('switched off') ? stopped : undefined, isForLater);
  if (isGiven('switched off')) {
    const off = { scope: 'actionType' as const, name: stopped, state: 'off' as const, reason: 'for the matrix', by: others.operator };
    expectDone(await fixture.inApi((tx) => putSwitch(tx, off, fixture.deps)));
  }
  if (isGiven('at its time')) await fixture.database.advanceClock(executeLater);
  if (isGiven('its effect done')) await answered(fixture, proposal.id, 'do', 200);
  if (isGiven('cancelled')) await cancelled(fixture, proposal.id);
  if (isGiven('undone')) await answered(fixture, proposal.id, 'undo', 200);
  return { proposal, deps: isGiven('forbidden by policies') ? { ...fixture.deps, policies: new PolicySets(forbidding) } : fixture.deps };
}

const forbidding: Policies = { ...cedar, engine: { decide: () => ({ decision: 'deny', policies: ['closed'], errors: [] }) } };

/** By the database's clock, which is moved. */
async function later(tx: Sql): Promise<string> {
  const [row] = await tx.rows<{ now: Date }>('SELECT exequatur.clock() AS now');
  return new Date((row?.now.getTime() ?? 0) + executeLater).toISOString();
}

let closed: Promise<string> | undefined;

/** A room that is closed, so that a plan to close it is refused by its criterion. */
function closedRoom(fixture: Fixture): Promise<string> {
  closed ??= (async () => {
    await fixture.done('addFloor', { name: 'G', rooms: [{ code: 'G1', seats: 1 }] });
    const [room] = await fixture.inApi((tx) =>
      tx.rows<{ id: string }>(`SELECT o.id FROM exequatur.object o WHERE o.type = 'room' LIMIT 1`),
    );
    await fixture.done('closeRoom', { room: room?.id ?? '' });
    return room?.id ?? '';
  })();
  return closed;
}
