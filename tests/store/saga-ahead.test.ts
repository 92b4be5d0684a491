import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nextStep } from '../../ontology/saga.ts';
import { openPool } from '../../store/connect.ts';
import { readSagaAhead } from '../../store/saga/saga-ahead.ts';
import { readSaga } from '../../store/saga/saga-rows.ts';
import { withTenant } from '../../store/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let tenant: string;
let superuser: pg.Client;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  tenant = await database.createTenant();
  superuser = new pg.Client({ connectionString: database.urls.superuser });
  await superuser.connect();
  await superuser.query("SET session_replication_role = 'replica'"); // Rows as nobody else can write them: no trigger and no foreign key is asked.
  pool = openPool(database.urls.worker, { max: 1 });
});
afterAll(async () => {
  await pool?.end();
  await superuser?.end();
  await database?.drop();
});

const states = ['waiting', 'sending', 'done', 'refused', 'unknown', 'undoing', 'undone', 'stuck', 'skipped'];
// Mostly of few states, as sagas are, so that what comes next is far away as often as near.
const state = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('waiting', 'done', 'undone') }, fc.constantFrom(...states));
const step = fc.record({
  phase: fc.constantFrom('writeBack', 'sideEffect', 'check'),
  optional: fc.boolean(),
  compensated: fc.boolean(),
  asks_person: fc.boolean(),
  state,
  due_at: fc.option(fc.constantFrom('2026-01-01T00:00:01.000Z', '2026-01-01T00:00:02.000Z')), // Of few times, so that some are due together.
});
const saga = fc.record({
  direction: fc.constantFrom('forward', 'back'),
  edits: fc.constantFrom('waiting', 'applied', 'undone', 'stuck', 'skipped'),
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
  asked: fc.nat(11),
});

it('what comes next is found without the other steps, and is what comes next by all of them', async () => {
  await fc.assert(
    fc.asyncProperty(saga, async ({ direction, edits, steps, asked }) => {
      const proposalId = randomUUID();
      await superuser.query(
        `INSERT INTO exequatur.saga (tenant_id, proposal_id, run, plan_id, digest, direction, edits, turned_at, back_to, begun_at)
         VALUES ($1, $2, 1, gen_random_uuid(), 'd', $3, $4, CASE WHEN $3 = 'back' THEN now() END, CASE WHEN $3 = 'back' THEN 'failed' END, now())`,
        [tenant, proposalId, direction, edits],
      );
      await superuser.query(
        `INSERT INTO exequatur.saga_step (tenant_id, proposal_id, run, ordinal, name, phase, optional, compensated, asks_person, state, due_at, changed_at)
         SELECT $1, $2, 1, x.n - 1, 's' || x.n, x.step ->> 'phase', (x.step ->> 'optional')::boolean, (x.step ->> 'compensated')::boolean, (x.step ->> 'asks_person')::boolean, x.step ->> 'state', (x.step ->> 'due_at')::timestamptz, now()
           FROM jsonb_array_elements($3::jsonb) WITH ORDINALITY x(step, n)`,
        [tenant, proposalId, JSON.stringify(steps)],
      );
      const [all, ahead] = await withTenant(pool, tenant, (tx) =>
        Promise.all([readSaga(tx, proposalId), readSagaAhead(tx, proposalId, asked)]),
      );
      if (all === null || ahead === null) throw new Error('a saga that was written is not there');
      expect(ahead.next).toEqual(nextStep(all));
      expect(ahead.asked).toEqual(all.steps[asked] ?? null);
    }),
    { numRuns: 400 },
  );
});
