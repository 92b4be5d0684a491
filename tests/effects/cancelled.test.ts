import { afterEach, describe, expect, it } from 'vitest';
import type { CheckDefinition, EffectDefinition } from '../../ontology/effect-definition.ts';
import { openPool } from '../../store/connect.ts';
import { erasePersonalData } from '../../store/erase-personal-data.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { cancelExecution } from '../../store/saga/cancel-execution.ts';
import type { Settled } from '../../store/settle.ts';
import { caller, expectDone } from '../store/fixture.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier } from './parcel-domain.ts';

let depot: Depot;
afterEach(() => depot?.close());

const done = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);
const before = { code: 'P1', status: 'here', weight: 7 };
const nothingNext = { next: undefined } as unknown as Settled;
const cancel = async (proposalId: string) =>
  expectDone(
    await depot.fixture.inApi((tx) => cancelExecution(tx, { proposalId, reason: 'the truck broke down', by: clerk }, depot.fixture.deps)),
  );

async function tablesThatHold(words: string): Promise<string[]> {
  const superuser = openPool(depot.fixture.database.urls.superuser, { max: 1 });
  try {
    const { rows } = await superuser.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'exequatur' ORDER BY 1`,
    );
    const found = [];
    for (const { name } of rows) {
      const holding = await superuser.query(`SELECT FROM exequatur."${name}" t WHERE strpos(to_jsonb(t)::text, $1) > 0 LIMIT 1`, [words]);
      if (holding.rowCount) found.push(name);
    }
    return found;
  } finally {
    await superuser.end();
  }
}

/** Up to where the check waits for its time. */
async function baking(): Promise<string> {
  const kept: CheckDefinition = { name: 'light', after: 'P7D', holds: 'parcel.weight < 10' };
  depot = await openDepot([bookCarrier], [kept]);
  const proposal = await depot.handOver();
  let settled = await depot.step(proposal, nothingNext);
  while (settled.waitMs === null) settled = await depot.step(proposal, settled);
  expect(settled).toMatchObject({ status: 'executing', next: { name: 'light' } });
  return proposal;
}

describe('a cancellation that was accepted', () => {
  it('is heeded at once where a check waits for its time', async () => {
    const proposal = await baking();
    await cancel(proposal);
    expect(await depot.step(proposal, nothingNext)).toMatchObject({ status: 'compensating' });
    expect(await depot.drive(proposal)).toMatchObject({ status: 'failed', failure: { faults: [{ code: 'cancelled' }] } });
    expect(done()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
    expect(await depot.parcel()).toEqual(before);
  });

  it('is heeded where the last step was in flight', async () => {
    const cancelling = { current: async () => {} };
    const label: EffectDefinition = {
      ...{ name: 'label', phase: 'sideEffect', optional: true, lostAnswer: 'key' },
      function: { name: 'print', version: 1, input: { parcel: 'parcel.id' } },
    };
    depot = await openDepot([bookCarrier, label], undefined, [
      { name: 'print', version: 1, perform: async () => cancelling.current().then(() => ({ printed: true })) },
    ]);
    const proposal = await depot.handOver();
    cancelling.current = async () => void (await cancel(proposal));
    expect(await depot.drive(proposal)).toMatchObject({ status: 'failed', failure: { faults: [{ code: 'cancelled' }] } });
    expect(done()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
    expect(await depot.parcel()).toEqual(before);
  });

  it('leaves nothing of why, once whoever cancelled is erased', async () => {
    const proposal = await baking();
    await cancel(proposal);
    expect(await depot.drive(proposal)).toMatchObject({ status: 'failed' });
    expect((await depot.fixture.read(proposal)).effects?.cancelled).toEqual({ by: clerk.id, reason: 'the truck broke down' });
    const by = caller('access-admin-1');
    const { inApi, deps } = depot.fixture;
    expectDone(await inApi((tx) => putPrincipal(tx, { id: clerk.id, by, change: { disabled: true } }, deps)));
    expectDone(await inApi((tx) => erasePersonalData(tx, { id: clerk.id, reason: 'request 17', by }, deps)));
    expect(await tablesThatHold('the truck broke down')).toEqual([]);
  });

  it('has what it stopped in doubt counted, as it is told', async () => {
    depot = await openDepot([bookCarrier]);
    const proposal = await depot.handOver();
    depot.carrier.behaviour = ({ method }) => (method === 'POST' ? { reset: 'after', meanwhile: () => cancel(proposal) } : undefined);
    expect(await depot.drive(proposal)).toMatchObject({ status: 'needs_attention' }); // Its undo needs what the answer would have said.
    const told =
      "SELECT o.data ->> 'way' AS way, o.data ->> 'state' AS state FROM exequatur.outbox o WHERE o.type = 'effect.ended' ORDER BY o.created_at";
    const ends = depot.ends.map(({ way, state }) => ({ way, state }));
    expect(ends[0]).toEqual({ way: 'do', state: 'unknown' });
    expect(ends).toEqual(await depot.fixture.inWorker((tx) => tx.rows(told)));
  });

  it('is held by the database against whoever would finish', async () => {
    depot = await openDepot([bookCarrier]);
    const proposal = await depot.handOver();
    let settled = await depot.step(proposal, nothingNext);
    while (!(settled.next === undefined && done().length > 0)) settled = await depot.step(proposal, settled);
    await depot.step(proposal, settled); // The edits.
    await cancel(proposal);
    const finish = depot.fixture.inWorker((tx) => tx.rows("SELECT exequatur.finish_saga($1::uuid, '[]')", [proposal]));
    await expect(finish).rejects.toMatchObject({ code: 'XQ006' });
  });
});

describe('a switch', () => {
  it('that is thrown while a check waits wakes whoever waits for it, and is heeded', async () => {
    const proposal = await baking();
    const operator = caller('operator-1', ['operator']);
    const off = { scope: 'actionType' as const, name: 'handOver', state: 'off' as const, reason: 'a strike', by: operator };
    expectDone(await depot.fixture.inApi((tx) => putSwitch(tx, off, depot.fixture.deps)));
    const nudges = 'SELECT n.id FROM exequatur.nudge n WHERE n.proposal_id = $1::uuid AND n.delivered_at IS NULL';
    expect(await depot.fixture.inWorker((tx) => tx.rows(nudges, [proposal]))).toHaveLength(1);
    expect(await depot.step(proposal, nothingNext)).toMatchObject({ status: 'compensating' });
    expect(await depot.drive(proposal)).toMatchObject({ status: 'failed', failure: { faults: [{ code: 'switched_off' }] } });
  });
});
