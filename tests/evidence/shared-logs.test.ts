// Two relays and many logs; on a clone from tests/support/database.ts.
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tenantWithLog } from '../../bench/audit/audited-tenants.ts';
import { sealLogs } from '../../events/seal-logs.ts';
import { submitCheckpoints } from '../../events/submit-checkpoints.ts';
import { openPool } from '../../store/connect.ts';
import { claimCheckpointsToCosign } from '../../store/cosignatures.ts';
import { claimLogsToSeal } from '../../store/log-work.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startWitness, type WitnessProcess } from '../witness/witness-process.ts';
import { newSigner } from './evidence-scene.ts';

let database: TestDatabase;
let relays: pg.Pool[];
let superuser: pg.Pool;
let witness: WitnessProcess;
const signer = newSigner();
const logs = 30;
beforeAll(async () => {
  database = await createTestDatabase();
  relays = [1, 2].map(() => openPool(database.urls.relay, { max: 4 }));
  superuser = openPool(database.urls.superuser, { max: 2 });
  witness = await startWitness(signer.verifierKey);
});
afterAll(async () => {
  await Promise.all([...(relays ?? []), superuser].map((pool) => pool?.end()));
  await Promise.all([witness?.remove(), database?.drop()]);
});

const grow = async () => {
  for (let at = 0; at < logs; at++) await tenantWithLog(superuser, `shared-${at}`, 7);
};
const [first, second] = [() => relays[0] as pg.Pool, () => relays[1] as pg.Pool];
const seal = (pool: pg.Pool) => sealLogs({ pool, signers: [signer], logger: openLogger('test') });
const claim = (pool: pg.Pool, limit: number) => claimLogsToSeal(pool, { passed: [], limit });
const tenants = ({ logs: claimed }: { logs: { tenant: string }[] }) => claimed.map(({ tenant }) => tenant);

it('relays share the logs that have grown: what one has claimed another leaves to it, and takes the rest', async () => {
  await grow();
  const mine = await claim(first(), 10);
  const others = await claim(second(), logs);
  try {
    expect([tenants(mine).length, tenants(others).length]).toEqual([10, logs - 10]);
    expect(new Set([...tenants(mine), ...tenants(others)]).size).toBe(logs);
    expect(await seal(second())).toMatchObject({ sealed: 0 });
  } finally {
    await Promise.all([mine.release(), others.release()]);
  }
});

it('two that seal at once sign each log once', async () => {
  await grow();
  let signed = 0;
  const counting = {
    ...signer,
    sign: (text: string) => {
      signed++;
      return signer.sign(text);
    },
  };
  const work = (pool: pg.Pool) => sealLogs({ pool, signers: [counting], logger: openLogger('test') });
  const done = await Promise.all([work(first()), work(second())]);
  expect(done.reduce((sum, { sealed }) => sum + sealed, 0)).toBe(logs);
  expect(signed).toBe(logs);
});

it('what a relay had claimed that is killed is sealed by another at once', async () => {
  await grow();
  const doomed = await claim(first(), logs);
  expect(await seal(second())).toMatchObject({ sealed: 0 });
  await superuser.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'",
  );
  await expect.poll(async () => (await seal(second())).sealed).toBe(logs);
  await doomed.release(); // Of a claim that has ended nothing is left to give up.
  expect(await seal(first())).toMatchObject({ sealed: 0 });
});

it('a tenant whose log somebody is writing to keeps no other waiting, and is told of afterwards', async () => {
  await grow();
  await database.advanceClock(10_000);
  const [one] = (await superuser.query<{ tenant: string }>("SELECT tenant_id AS tenant FROM exequatur.tenant WHERE slug = 'shared-0'"))
    .rows;
  const writer = await superuser.connect();
  const untold = async () =>
    (await superuser.query('SELECT FROM exequatur.event_feed WHERE tenant_id = $1 AND untold', [one?.tenant])).rowCount;
  try {
    await writer.query('BEGIN');
    await writer.query('SELECT FROM exequatur.audit_head WHERE tenant_id = $1 FOR UPDATE', [one?.tenant]);
    expect(await seal(first())).toMatchObject({ sealed: logs });
    expect(await untold()).toBe(1);
  } finally {
    await writer.query('ROLLBACK');
    writer.release();
  }
  const { rows } = await first().query('SELECT exequatur.tell_due_checkpoint() AS told');
  expect([rows, await untold()]).toEqual([[{ told: true }], 0]);
});

const submit = (pool: pg.Pool) =>
  submitCheckpoints({
    pool,
    witness: { url: witness.url, key: witness.key },
    logger: openLogger('test'),
    forks: new Map(),
    declined: new Map(),
  });
const toCosign = (pool: pg.Pool, limit: number) =>
  claimCheckpointsToCosign(pool, { witness: `${witness.key.name}+${witness.key.id}`, passed: [], limit });

it('relays share the checkpoints that a witness is to cosign, and one of another witness is another claim', async () => {
  await grow();
  await seal(first());
  const mine = await toCosign(first(), 10);
  const others = await toCosign(second(), logs);
  const elsewhere = await claimCheckpointsToCosign(second(), { witness: 'another+00000000', passed: [], limit: logs });
  try {
    expect([tenants(mine).length, tenants(others).length, tenants(elsewhere).length]).toEqual([10, logs - 10, logs]);
    expect(new Set([...tenants(mine), ...tenants(others)]).size).toBe(logs);
    expect(await submit(second())).toMatchObject({ cosigned: 0 });
  } finally {
    await Promise.all([mine.release(), others.release(), elsewhere.release()]);
  }
  const done = await Promise.all([submit(first()), submit(second())]);
  expect(done.reduce((sum, { cosigned }) => sum + cosigned, 0)).toBe(logs);
});

it('what a relay was submitting that is killed is cosigned by another at once', async () => {
  await grow();
  await seal(first());
  const doomed = await toCosign(first(), logs);
  expect(await submit(second())).toMatchObject({ cosigned: 0 });
  await superuser.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'",
  );
  await expect.poll(async () => (await submit(second())).cosigned).toBe(logs);
  await doomed.renew();
  await doomed.release();
  expect(await submit(first())).toMatchObject({ cosigned: 0 });
});
