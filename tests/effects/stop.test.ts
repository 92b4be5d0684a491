import { afterEach, describe, expect, it } from 'vitest';
import { EffectRefused } from '../../ontology/ontology-function.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { readTimeline } from '../../store/read-timeline.ts';
import { cancelExecution } from '../../store/saga/cancel-execution.ts';
import type { Resolution } from '../../store/saga/resolve-attention.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import { refusalOf } from '../database/door-scene.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { caller, expectDone, shareDatabase } from '../store/fixture.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';

const operator = caller('operator-1', ['operator']);
const otherClerk = caller('clerk-2', ['clerk']);
shareDatabase();
let depot: Depot;
afterEach(async () => {
  if (depot !== undefined) expect(await verifyLog(depot.fixture.database, depot.fixture.tenant)).toMatch(/^whole .*"unjudged":0/);
  await depot?.close();
});

const done = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);
const before = { code: 'P1', status: 'here', weight: 7 };
const cancel = (proposalId: string, by = clerk) =>
  depot.fixture.inApi((tx) => cancelExecution(tx, { proposalId, reason: 'the truck broke down', by }, depot.fixture.deps));
const resolve = (proposalId: string, choice: Resolution['choice'], by = operator) =>
  depot.fixture.inApi((tx) => resolveAsAsked(tx, { proposalId, choice, reason: 'by telephone', by }, depot.fixture.deps));

/** Who did what and why, by the log. */
const told = async (proposalId: string) =>
  expectDone(await depot.fixture.inApi((tx) => readTimeline(tx, proposalId))).map(({ type, personal: { actor, reason } }) => ({
    type,
    actor,
    reason,
  }));

it('what a person is asked is looked at again by itself, so that their answer is heard of even where every nudge was lost', async () => {
  depot = await openDepot([{ ...bookCarrier, lostAnswer: 'none' }]);
  depot.carrier.behaviour = () => ({ reset: 'after' });
  const proposal = await depot.handOver();
  const waits = { status: 'needs_attention', waitMs: 300_000 };
  expect(await depot.drive(proposal)).toMatchObject(waits);
  const { tenant, worker, deps } = depot.fixture;
  const look = () => settleProposal(worker, tenant, proposal, deps);
  expect(await look()).toMatchObject(waits);
  expectDone(await resolve(proposal, 'skip'));
  expect(await look()).toMatchObject({ status: expect.not.stringMatching('needs_attention'), waitMs: null });
});

describe('an execution under way', () => {
  it('is stopped between steps by who proposed it, and undone', async () => {
    depot = await openDepot([bookCarrier, tellDepot]);
    const proposal = await depot.handOver();
    const ended = await depot.drive(proposal, async ({ next }) => {
      if (next?.name === 'tell' && next.kind === 'do') {
        expect(await cancel(proposal, otherClerk)).toMatchObject({ refused: 'not_proposer' });
        const silently = depot.fixture.inApi((tx) =>
          tx.rows("SELECT exequatur.cancel_execution($1::uuid, 'clerk-1', 'because')", [proposal]),
        );
        expect(await refusalOf(silently)).toBe('XQ015'); // A stolen login stops nothing that the log is not told of.
        expectDone(await cancel(proposal));
        expect(await cancel(proposal)).toMatchObject({ refused: 'not_cancellable' });
      }
    });
    expect(ended).toMatchObject({
      status: 'failed',
      failure: { faults: [{ code: 'cancelled', message: 'It was cancelled.' }] },
    });
    expect(done()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
    expect(await depot.parcel()).toEqual(before);
    expect(await cancel(proposal)).toMatchObject({ refused: 'not_cancellable' });
    expect(await told(proposal)).toContainEqual({ type: 'proposal.cancelling', actor: clerk.id, reason: 'the truck broke down' });
  });

  it('is stopped between steps by a switch, also right before its edits', async () => {
    depot = await openDepot([bookCarrier]);
    const ended = await depot.drive(await depot.handOver(), async ({ status, next }) => {
      if (status !== 'executing' || next !== undefined) return;
      const off = { scope: 'actionType' as const, name: 'handOver', state: 'off' as const, reason: 'a strike', by: operator };
      expectDone(await depot.fixture.inApi((tx) => putSwitch(tx, off, depot.fixture.deps)));
    });
    expect(ended).toMatchObject({ status: 'failed', failure: { faults: [{ code: 'switched_off' }] } });
    expect(done()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
    expect(await depot.parcel()).toEqual(before);
  });
});

describe('an operator who is asked', () => {
  async function stuck(): Promise<string> {
    depot = await openDepot([bookCarrier, tellDepot]);
    depot.carrier.behaviour = ({ method, path }, n) =>
      (method === 'DELETE' && n === 0) || path.endsWith('arrivals') ? { status: 409 } : undefined;
    const proposal = await depot.handOver();
    expect((await depot.drive(proposal)).status).toBe('needs_attention');
    const { effects } = await depot.fixture.read(proposal, operator);
    expect(effects?.attention).toMatchObject({ step: 'book', choices: ['retry', 'skip', 'abort'] });
    return proposal;
  }

  it('has the undo tried again', async () => {
    const proposal = await stuck();
    expectDone(await resolve(proposal, 'retry'));
    expect((await told(proposal)).at(-1)).toEqual({ type: 'proposal.compensating', actor: operator.id, reason: 'by telephone' });
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect(done()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
  });

  it('leaves it as somebody has seen to it', async () => {
    const proposal = await stuck();
    expectDone(await resolve(proposal, 'skip'));
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect(done()).toEqual(['POST /bookings']);
  });

  it('ends it as it is', async () => {
    const proposal = await stuck();
    expectDone(await resolve(proposal, 'abort'));
    expect(await depot.fixture.read(proposal)).toMatchObject({ status: 'failed', failure: { code: 'execution_failed' } });
    expect(await resolve(proposal, 'retry')).toMatchObject({ refused: 'not_resolvable' });
  });

  it('is a person with that role who does not stand behind the proposal', async () => {
    const proposal = await stuck();
    expect(await resolve(proposal, 'skip', otherClerk)).toMatchObject({ refused: 'forbidden' });
    expect(await resolve(proposal, 'skip', caller('robot', ['operator'], { kind: 'agent' }))).toMatchObject({ refused: 'forbidden' });
    expect(await resolve(proposal, 'skip', caller(clerk.id, ['operator', 'clerk']))).toMatchObject({ refused: 'own_execution' });
  });

  it('has nothing to try again where nothing takes the step back', async () => {
    const { compensation: _none, ...lasting } = bookCarrier;
    depot = await openDepot([lasting, tellDepot]);
    depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
    const proposal = await depot.handOver();
    expect((await depot.drive(proposal)).status).toBe('needs_attention');
    expect(await resolve(proposal, 'retry')).toMatchObject({ refused: 'nothing_to_retry' });
    expectDone(await resolve(proposal, 'skip'));
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect(await depot.parcel()).toEqual(before);
  });
});

describe('an effect function', () => {
  it('is called with one key until it is done, and refuses for good where it says so', async () => {
    const keys: string[] = [];
    let failures = 2;
    depot = await openDepot(
      [{ name: 'label', phase: 'writeBack', function: { name: 'print', version: 1, input: { parcel: 'parcel.id' } }, lostAnswer: 'key' }],
      undefined,
      [
        {
          name: 'print',
          version: 1,
          perform(input, { idempotencyKey }) {
            keys.push(idempotencyKey);
            if (failures-- > 0) throw new Error('out of paper');
            if ((input as { parcel: string }).parcel !== 'P1') throw new EffectRefused();
            return { printed: true };
          },
        },
      ],
    );
    expect((await depot.drive(await depot.handOver())).status).toBe('executed');
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
  });
});
