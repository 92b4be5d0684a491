import type { Caller } from '../../ontology/authority.ts';
import type { ProposalStatus } from '../../ontology/lifecycle.ts';
import { breakGlass } from '../../store/break-glass.ts';
import { createProposal } from '../../store/create-proposal.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { failProposal } from '../../store/fail-proposal.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { recordReview } from '../../store/record-review.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import type { Sql } from '../../store/sql.ts';
import { resolveActor } from '../../store/standing.ts';
import { withdrawProposal } from '../../store/withdraw-proposal.ts';
import { building, caller, expectDone, type Fixture, simulated } from '../store/fixture.ts';
import type { ActorName } from './decision-matrix.ts';

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

/** The office building, where a floor may be asked for at night as well. */
export const buildingAtNight = {
  ...building,
  actionTypes: { ...building.actionTypes, [atNight]: { ...building.actionTypes.askFloorTwice, approvalPolicy: 'two-stage-at-night' } },
  approvalPolicies: {
    ...building.approvalPolicies,
    'two-stage-at-night': {
      ...building.approvalPolicies['two-stage'],
      breakGlass: { roles: ['keeper'], approvals: 0, reviewWithin: 'PT24H', reviewers: "'officer' in reviewer.roles" },
    },
  },
};

/** Who brings proposals into their states: nobody of whom the matrix speaks. */
const others = { keeper: caller('keeper-8'), officer: caller('officer-8') };
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

/** A new proposal of the proposer's in this state. */
export async function proposalIn(fixture: Fixture, status: ProposalStatus, actionType = 'askFloorTwice'): Promise<Made> {
  const { worker, tenant, deps } = fixture;
  const proposed = await fixture.inApi(async (tx) =>
    createProposal(
      tx,
      {
        actionType: status === 'invalid' ? 'closeRoom' : actionType,
        parameters: status === 'invalid' ? { room: await closedRoom(fixture) } : { name: `M${++made}` },
        justification: 'because',
        proposer: callers.proposer,
        ...(status === 'scheduled' ? { executeAfter: await later(tx) } : {}),
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
  } else if (['approved', 'scheduled', 'executing', 'executed'].includes(status)) {
    await review(others.keeper, 'approve');
    await review(others.officer, 'approve');
    if (status === 'executing')
      await fixture.inWorker((tx) => tx.rows('SELECT 1 FROM exequatur.begin_execution($1::uuid, $1::uuid)', [id]));
    if (status === 'executed' || status === 'scheduled') await executeProposal(worker, tenant, id, deps);
  }
  return { id, digest };
}

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
