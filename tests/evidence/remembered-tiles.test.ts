// A database of its own: tests/support/database.ts.
import type pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { FrontierMemory } from '../../audit/frontier-memory.ts';
import { TileMemory } from '../../audit/tile-memory.ts';
import { sealLogs } from '../../events/seal-logs.ts';
import { submitCheckpoints } from '../../events/submit-checkpoints.ts';
import { openPool } from '../../store/connect.ts';
import { withTenant } from '../../store/sql.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { type Fixture, openFixture } from '../store/fixture.ts';
import { startWitness, type WitnessProcess } from '../witness/witness-process.ts';
import { newSigner } from './evidence-scene.ts';

const signer = newSigner();
const logger = openLogger('test');
const memory = new TileMemory();
let fixture: Fixture;
let relay: pg.Pool;
let witness: WitnessProcess;
beforeAll(async () => {
  fixture = await openFixture();
  relay = openPool(fixture.database.urls.relay, { max: 4 });
  witness = await startWitness(signer.verifierKey);
});
afterAll(async () => {
  await relay?.end();
  await Promise.all([witness?.remove(), fixture?.close()]);
});

const grow = (entries: number) =>
  withTenant(fixture.api, fixture.tenant, async (tx) => {
    for (let at = 0; at < entries; at++) tx.audit({ type: 'switch.changed', facts: {} });
  });
const seal = (own?: TileMemory) => sealLogs({ pool: relay, signers: [signer], logger, ...(own ? { memory: own } : {}) });

/** As after a backup was restored, and the log went on otherwise. */
const rememberAnother = () => memory.of(fixture.tenant, 256).set(0, 0, Buffer.alloc(32, 1));

it('what a relay remembers of a log that is another now neither stops its sealing nor counts as a fork', async () => {
  const forks = new Map<string, number>();
  const submit = () =>
    submitCheckpoints({ pool: relay, witness: { url: witness.url, key: witness.key }, logger, forks, declined: new Map(), memory });
  await grow(300);
  expect(await seal(memory)).toEqual({ sealed: 1, more: false, rewritten: [] });
  expect((await submit()).cosigned).toBe(1);
  await grow(300);
  rememberAnother();
  expect(await seal(memory)).toEqual({ sealed: 1, more: false, rewritten: [] });
  rememberAnother();
  expect((await submit()).cosigned).toBe(1);
  expect(forks.size).toBe(0);
  await grow(1);
  expect(await seal()).toEqual({ sealed: 1, more: false, rewritten: [] }); // Who remembers nothing finds signed what the log says.
});

/** The relay's connections, of which leaves are read with `meanwhile` before it. */
function reading(meanwhile: (from: number) => Promise<void>): pg.Pool {
  return new Proxy(relay, {
    get: (pool, name) => {
      if (name !== 'query') return Reflect.get(pool, name).bind?.(pool) ?? Reflect.get(pool, name);
      return async (query: pg.QueryConfig<number[][]>) => {
        if (query.name === 'leaves_ahead') await meanwhile(query.values?.[1]?.[0] ?? Number.NaN);
        return pool.query(query);
      };
    },
  });
}

const sizeSealed = async () =>
  (await relay.query<{ size: number }>('SELECT exequatur.last_checkpoint($1)::int AS size', [fixture.tenant])).rows[0]?.size ?? 0;

it('of a log that grows what is new alone is read, with what has come since the round began, until its tile is full', async () => {
  const frontiers = new FrontierMemory();
  const readFrom: number[] = [];
  const meanwhile = async (from: number) => {
    readFrom.push(from);
    await grow(2);
  };
  const work = () => sealLogs({ pool: reading(meanwhile), signers: [signer], logger, frontiers });
  await grow(1);
  await work();
  const first = await sizeSealed();
  expect(first % 256).toBeLessThan(200);
  await grow(3);
  expect(await work()).toEqual({ sealed: 1, more: false, rewritten: [] });
  expect(await sizeSealed()).toBe(first + 5);
  await grow(300);
  expect(await work()).toEqual({ sealed: 1, more: false, rewritten: [] });
  const last = await sizeSealed();
  await grow(1);
  await work();
  const tile = first - (first % 256);
  expect(readFrom).toEqual([tile, first, tile, last]);
  await grow(1);
  expect(await seal()).toEqual({ sealed: 1, more: false, rewritten: [] }); // Who remembers nothing finds signed what the log says.
});

it('an entry that is altered behind the last full tile is noticed within a minute', async () => {
  const frontiers = new FrontierMemory();
  const refused = new Map<string, number>();
  const work = () => sealLogs({ pool: relay, signers: [signer], logger, frontiers, refused });
  await grow(1);
  expect(await work()).toMatchObject({ sealed: 1, rewritten: [] });
  const superuser = openPool(fixture.database.urls.superuser, { max: 1 });
  await superuser.query(
    `SET session_replication_role = replica; UPDATE exequatur.audit_entry SET at = at + interval '1 second' WHERE tenant_id = '${fixture.tenant}' AND seq = ${await sizeSealed()};`,
  );
  await superuser.end();
  await grow(1);
  expect(await work()).toMatchObject({ sealed: 1, rewritten: [] }); // Over what the entry was.
  await grow(1);
  const now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now + 60_000);
  try {
    expect(await work()).toMatchObject({ sealed: 0, rewritten: [fixture.tenant] });
  } finally {
    vi.restoreAllMocks();
  }
});
