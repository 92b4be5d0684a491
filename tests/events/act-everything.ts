import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { advanceMigration } from '../../store/advance-migration.ts';
import { breakGlass } from '../../store/break-glass.ts';
import { removeFreezeWindow, setFreezeWindow } from '../../store/change-freeze-window.ts';
import { putEndpointSecret, retireEndpointSecret } from '../../store/endpoint-secrets.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { failProposal } from '../../store/fail-proposal.ts';
import { putDelegation } from '../../store/put-delegation.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { recordReview } from '../../store/record-review.ts';
import { reviewEmergency } from '../../store/review-emergency.ts';
import { reviseProposal } from '../../store/revise-proposal.ts';
import { runSchedule } from '../../store/run-schedule.ts';
import { cancelExecution } from '../../store/saga/cancel-execution.ts';
import { changeSchedule, createSchedule } from '../../store/schedules.ts';
import { SecretBox } from '../../store/secret-box.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import { resolveActor } from '../../store/standing.ts';
import { withdrawProposal } from '../../store/withdraw-proposal.ts';
import { clerk, type Depot, openDepot } from '../effects/parcel-depot.ts';
import { bookCarrier, tellDepot } from '../effects/parcel-domain.ts';
import {
  admin,
  agent,
  building,
  caller,
  expectDone,
  type Fixture,
  keeper1,
  keeper2,
  officer,
  openFixture,
  simulated,
} from '../store/fixture.ts';
import { carriedOut, uploaded } from '../store/govern.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';

const minute = 60_000;
const onCall = caller('on-call-1');
const chief = caller('chief-1');
const operator = caller('operator-1');
const access = caller('access-admin-1');

/** The office with emergencies, reminders, and a way to take away what was made. */
function office(version: string): typeof building {
  const document = structuredClone(building);
  const reference = { type: 'reference', to: 'room', required: true };
  Object.assign(document.approvalPolicies['two-stage'], {
    breakGlass: { roles: ['on-call'], approvals: 0, reviewWithin: 'PT30M', reviewers: "'chief' in reviewer.roles" },
    remind: { after: 'PT10M', every: 'PT10M' },
    escalate: { after: 'PT25M', to: ['chief'], reviewers: { keepers: "'chief' in reviewer.roles" } },
  });
  Object.assign(document.actionTypes, {
    part: {
      parameters: { a: reference, b: reference },
      rules: [{ rule: 'unlink', link: 'neighbours', from: 'a', to: 'b' }],
      approvalPolicy: 'by-itself',
    },
    tearDown: { parameters: { room: reference }, rules: [{ rule: 'delete', type: 'room', object: 'room' }], approvalPolicy: 'by-itself' },
  });
  Object.assign(document.actionTypes.askFloor, { description: version });
  return document;
}

/** Acts out everything that an office without effects can tell of. Its fixture is to be closed. */
export async function actInOffice(): Promise<Fixture> {
  const fixture = await openFixture(office('first') as unknown as JsonValue);
  const { deps, inApi, worker, tenant, database } = fixture;
  const execute = (id: string) => executeProposal(worker, tenant, id, deps);
  const settle = (id: string) => settleProposal(worker, tenant, id, deps);
  const asked = (name: string) => fixture.planned('askFloorTwice', { name });
  await inApi(async (tx) => {
    for (const person of [onCall, chief, operator, keeper1, keeper2, officer]) await resolveActor(tx, person);
  });
  await fixture.done('addFloor', { name: 'F', rooms: [{ code: 'A', seats: 4 }, { code: 'B' }, { code: 'C' }] });
  await fixture.done('join', { a: 'A', b: 'B' });
  await fixture.done('part', { a: 'A', b: 'B' });
  await fixture.done('setSeats', { room: 'A', seats: 5 });
  await fixture.done('tearDown', { room: 'C' });
  await fixture.done('closeRoom', { room: 'B' });
  await fixture.planned('closeRoom', { room: 'B' }); // Invalid: it is closed.

  const revised = await fixture.planned('askFloor', { name: 'R' });
  const wanted = { decision: 'request_changes' as const, reason: 'another name', digest: revised.digest ?? '', reviewer: keeper1 };
  expectDone(await inApi((tx) => recordReview(tx, { proposalId: revised.proposalId, ...wanted }, deps)));
  const revision = { proposalId: revised.proposalId, parameters: { name: 'R2' }, by: agent };
  expectDone(await inApi((tx) => reviseProposal(tx, revision, deps)));
  await fixture.review(await simulated(fixture, revised.proposalId), keeper1, 'reject');
  const withdrawn = await fixture.planned('askFloor', { name: 'W' });
  expectDone(await inApi((tx) => withdrawProposal(tx, { proposalId: withdrawn.proposalId, by: agent }, deps)));
  const failed = expectDone(await fixture.propose('askFloor', { name: 'X' }));
  await failProposal(worker, tenant, failed.proposalId, { code: 'internal' });
  const stale = await fixture.planned('noteUse', { room: 'A' });
  await fixture.done('setSeats', { room: 'A', seats: 6 });
  await fixture.review(stale, keeper1);

  const glass = await asked('G');
  await inApi((tx) => breakGlass(tx, { proposalId: glass.proposalId, digest: glass.digest ?? '', reason: 'fire', by: onCall }, deps));
  await execute(glass.proposalId);
  await database.advanceClock(31 * minute);
  await settle(glass.proposalId);
  await inApi((tx) => reviewEmergency(tx, { proposalId: glass.proposalId, verdict: 'justified', comment: 'it was', by: chief }, deps));

  const waiting = await asked('L');
  await database.advanceClock(30 * minute);
  await settle(waiting.proposalId);
  await database.advanceClock(31 * minute);
  await settle(waiting.proposalId);

  const held = await fixture.planned('askFloor', { name: 'H' });
  await fixture.review(held, keeper1);
  expectDone(await inApi((tx) => putSwitch(tx, { scope: 'tenant', name: 'all', state: 'off', reason: 'x', by: operator }, deps)));
  await execute(held.proposalId);
  const on = expectDone(await inApi((tx) => putSwitch(tx, { scope: 'tenant', name: 'all', state: 'on', reason: 'x', by: operator }, deps)));
  await carriedOut(fixture, on.proposed?.proposalId ?? '', caller('operator-2'));
  const once = { from: '2020-01-01T00:00:00.000Z', until: '2020-01-02T00:00:00.000Z' };
  expectDone(await inApi((tx) => setFreezeWindow(tx, { name: 'night', reason: 'x', once, by: operator }, deps)));
  expectDone(await inApi((tx) => removeFreezeWindow(tx, { name: 'night', reason: 'x', by: operator }, deps)));
  const away = {
    id: 'holidays',
    delegate: 'keeper-2',
    endsAt: new Date(Date.now() + 7 * 24 * 60 * minute).toISOString(),
    reason: 'away',
    by: keeper1,
  };
  const delegation = expectDone(await inApi((tx) => putDelegation(tx, away, deps)));
  await carriedOut(fixture, delegation.proposed?.proposalId ?? '', access);
  expectDone(await inApi((tx) => putPrincipal(tx, { id: 'keeper-2', change: { teams: ['night'] }, by: access }, deps)));

  const daily = { actionType: 'askFloor', parameters: { name: 'S' }, justification: 'x', timing: { every: 'PT1H' }, skipWhileOpen: true };
  const schedule = expectDone(await inApi((tx) => createSchedule(tx, { ...daily, owner: keeper1 }, deps)));
  for (const hour of ['01', '02'])
    await runSchedule(worker, tenant, { scheduleId: schedule.id, nominalAt: `2999-01-01T${hour}:00:00.000Z` }, deps);
  for (const change of ['pause', 'resume', 'delete'] as const)
    expectDone(await inApi((tx) => changeSchedule(tx, { id: schedule.id, change, reason: 'x', by: keeper1 }, deps)));

  const raised = await fixture.planned('askFloor', { name: 'V' });
  const second = office('second');
  Object.assign(second.actionTypes.askFloor, { rules: [{ rule: 'create', type: 'floor', set: { name: "name + '!'" } }] });
  expectDone(await uploaded(fixture, second as unknown as JsonValue));
  await fixture.review(raised, keeper1); // Finds that it is stale.
  await simulated(fixture, raised.proposalId);
  await migrate(fixture, second);
  const upload = { policies: { all: 'permit (principal, action, resource);' }, cases: [] };
  const policies = expectDone(await inApi((tx) => putPolicies(tx, upload, admin, deps)));
  await carriedOut(fixture, policies.proposalId ?? '');
  return fixture;
}

async function migrate(fixture: Fixture, document: typeof building): Promise<void> {
  const { deps, worker, tenant } = fixture;
  const seated = structuredClone(document);
  Object.assign(seated.objectTypes.room.properties.seats, { required: true });
  Object.assign(seated.actionTypes.addFloor.parameters.rooms.items.properties.seats, { required: true });
  const migrations = [{ objectType: 'room', set: { seats: '4' }, approvalPolicy: 'by-itself' }];
  const outcome = expectDone(await uploaded(fixture, { ...seated, migrations } as unknown as JsonValue));
  for (;;) {
    const step = await advanceMigration(worker, tenant, outcome.proposalId ?? '', deps);
    if (step.kind === 'ended') return;
    await simulated(fixture, step.proposalId);
    await executeProposal(worker, tenant, step.proposalId, deps);
  }
}

const announce: EffectDefinition = {
  name: 'announce',
  phase: 'sideEffect',
  message: { type: 'handed-over', data: { parcel: 'parcel.id', to: 'depot' } },
};
const gossip: EffectDefinition = {
  name: 'gossip',
  phase: 'sideEffect',
  message: { type: 'gossip', data: { note: 'parcel.note' } },
};

/** Hands parcels over: once well, once undone. Its depot is to be closed. */
export async function actInDepot(): Promise<Depot> {
  const depot = await openDepot([bookCarrier, announce, gossip, tellDepot]);
  const { fixture } = depot;
  const { inApi, deps } = fixture;
  const keys = new SecretBox([Buffer.alloc(32, 7).toString('base64')]);
  expectDone(await inApi((tx) => putEndpointSecret(tx, { endpoint: 'carrier', name: 'signing', by: admin }, keys, deps)));
  expectDone(await inApi((tx) => retireEndpointSecret(tx, { endpoint: 'carrier', name: 'signing', by: admin }, deps)));
  const handOver = async (to: string) => {
    const plan = await fixture.planned('handOver', { parcel: 'P1', depot: to }, clerk);
    if (plan.status === 'awaiting_approval') expectDone(await fixture.review(plan, caller('clerk-2')));
    return plan.proposalId;
  };
  const done = await depot.drive(await handOver('north'));
  if (done.status !== 'executed') throw new Error(`expected executed, found ${JSON.stringify(done)}`);
  const cancelled = await handOver('south');
  let hasCancelled = false;
  await depot.drive(cancelled, async ({ next }) => {
    if (hasCancelled || next?.name !== 'announce') return;
    hasCancelled = true;
    expectDone(await inApi((tx) => cancelExecution(tx, { proposalId: cancelled, reason: 'a secret reason', by: operator }, deps)));
  });
  return depot;
}

/** Hands one over that cannot be taken back: a person is asked about each step, and leaves it in the end. Its depot is to be closed. */
export async function actInTrouble(): Promise<Depot> {
  const depot = await openDepot([bookCarrier, announce, tellDepot]);
  const { inApi, deps } = depot.fixture;
  depot.carrier.behaviour = ({ path, method }) => (path.endsWith('arrivals') || method === 'DELETE' ? { status: 409 } : undefined);
  const proposalId = await depot.handOver();
  for (const choice of ['skip', 'abort'] as const) {
    const { status } = await depot.drive(proposalId);
    if (status !== 'needs_attention') throw new Error(`${choice}: expected needs_attention, found ${status}`);
    expectDone(await inApi((tx) => resolveAsAsked(tx, { proposalId, choice, reason: 'by telephone', by: operator }, deps)));
  }
  await depot.drive(proposalId);
  return depot;
}
