import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { performStep } from '../../activities/effects/perform-step.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { openPool } from '../../store/connect.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import type { Settled } from '../../store/settle.ts';
import { clerk, type Depot, openDepot } from '../effects/parcel-depot.ts';
import { bookCarrier, parcelDomain, tellDepot } from '../effects/parcel-domain.ts';
import { keeper1 } from '../store/fixture.ts';
import { writeUntold } from '../support/write-untold.ts';

// A database of its own: tests/support/database.ts.
let depot: Depot;
let superuser: pg.Client;
const few = 5;
const many = 60;
const others = 5_000;

beforeAll(async () => {
  depot = await openDepot([], undefined, [], (url) => {
    const document = parcelDomain(url, [bookCarrier, tellDepot]);
    Object.assign(document.approvalPolicies?.alone?.automatic?.ceilings ?? {}, { edits: 1_000 });
    return document;
  });
  superuser = new pg.Client({ connectionString: depot.fixture.database.urls.superuser });
  await superuser.connect();
  // What other executions left behind: of few rows PostgreSQL reads all, whatever is asked.
  await writeUntold(
    depot.fixture.database,
    `INSERT INTO exequatur.saga_step (tenant_id, proposal_id, run, ordinal, name, phase, optional, compensated, asks_person, state, changed_at)
     SELECT $1::uuid, gen_random_uuid(), 1, 0, 'other', 'writeBack', false, true, false, 'done', now() FROM generate_series(1, ${others})`,
    [depot.fixture.tenant],
  );
  const parcels = Array.from({ length: few + many }, (_, index) => ({
    actionType: 'receive',
    parameters: { code: `Q${index}`, weight: 1 },
  }));
  const id = await approved('receive', parcels);
  await executeProposal(depot.fixture.worker, depot.fixture.tenant, id, depot.fixture.deps);
});
afterAll(async () => {
  await superuser?.end();
  await depot?.close();
});

async function approved(actionType: string, actions: object[]): Promise<string> {
  const plan = await depot.fixture.planned(`${actionType}+`, { actions } as unknown as JsonValue, keeper1);
  await depot.fixture.review(plan, clerk);
  return plan.proposalId;
}

const handOver = (first: number, count: number) =>
  approved(
    'handOver',
    Array.from({ length: count }, (_, index) => ({ actionType: 'handOver', parameters: { parcel: `Q${first + index}`, depot: 'north' } })),
  );

async function begun(id: string): Promise<Settled> {
  const settled = await executeProposal(depot.fixture.worker, depot.fixture.tenant, id, depot.fixture.deps);
  if (settled === null) throw new Error('no such proposal');
  await superuser.query('ANALYZE exequatur.saga_step');
  return settled;
}

const read = async (table: string) => {
  const { rows } = await superuser.query<{ rows: string }>(
    "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS rows FROM pg_stat_user_tables WHERE schemaname = 'exequatur' AND relname = $1",
    [table],
  );
  return Number(rows[0]?.rows);
};

const steps = 5;
/** Of saga_step, in a step: what comes next and the step itself, each found in an index and then read, three times; whoever said what a slot holds; and what is written. */
const mostRows = 16;

/** How many rows so many steps read, from where the saga is: of a connection of their own, which tells what it has counted when it ends. */
async function readBySteps(id: string, from: Settled): Promise<{ saga_step: number; plan_chunk: number; after: Settled }> {
  const { fixture, carrier } = depot;
  await settledCounts();
  const before = { saga_step: await read('saga_step'), plan_chunk: await read('plan_chunk') };
  const pool = openPool(fixture.database.urls.worker, { max: 1 });
  const deps = {
    ...{ pool, store: fixture.deps, effectFunctions: [], onEnd: () => undefined },
    sendWebhook: async () => ({ kind: 'answered' as const, status: 200, body: { booking: `B${carrier.done.length}` } }),
  };
  let after = from;
  for (let step = 0; step < steps; step++) {
    if (after.next === undefined) throw new Error('nothing is to be done outside');
    const start = { tenantId: fixture.tenant, proposalId: id, actionType: 'handOver', step: after.next };
    after = (await performStep(deps, start, new AbortController().signal)) ?? after;
  }
  await pool.end();
  await expect.poll(() => read('saga_step')).toBeGreaterThan(before.saga_step);
  await settledCounts();
  return { saga_step: (await read('saga_step')) - before.saga_step, plan_chunk: (await read('plan_chunk')) - before.plan_chunk, after };
}

/** Backends that are idle tell of what they have counted within a second; asked until nothing is added any more. */
async function settledCounts(): Promise<void> {
  let last = -1;
  await expect
    .poll(
      async () => {
        const now = (await read('saga_step')) + (await read('plan_chunk'));
        const isSame = now === last;
        last = now;
        return isSame;
      },
      { interval: 1_500 },
    )
    .toBe(true);
}

it('a step reads as many rows whatever the number of the steps beside it, forward and back, and the plan once', async () => {
  const small = await handOver(0, few);
  const ofFew = await readBySteps(small, await begun(small));
  const large = await handOver(few, many);
  const ofMany = await readBySteps(large, await begun(large));
  expect(Math.abs(ofMany.saga_step - ofFew.saga_step)).toBeLessThan(steps); // Not a row more in a step; an entry of the index that is dead and not yet marked so is read once.
  expect([ofFew.plan_chunk, ofMany.plan_chunk]).toEqual([1, 1]);
  let settled = ofMany.after;
  while (settled.next?.name !== `${few + 1}.tell`) settled = await depot.step(large, settled);
  const sideEffects = await readBySteps(large, settled);
  expect(sideEffects.saga_step).toBeLessThanOrEqual(steps * mostRows);
  await superuser.query('SET session_replication_role = replica'); // No entry tells of it.
  await superuser.query(
    "UPDATE exequatur.saga SET cancelled_at = now(), cancelled_by = 'ann', cancel_reason = 'enough' WHERE ended_at IS NULL AND proposal_id = $1",
    [large],
  );
  await superuser.query('RESET session_replication_role');
  settled = sideEffects.after;
  while (settled.next?.kind !== 'undo') settled = await depot.step(large, settled);
  const undos = await readBySteps(large, settled);
  expect(undos.saga_step).toBeLessThanOrEqual(steps * mostRows);
  expect([sideEffects.plan_chunk, undos.plan_chunk]).toEqual([0, 0]);
});
