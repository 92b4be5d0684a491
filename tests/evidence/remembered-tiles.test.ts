// A database of its own: tests/support/database.ts.
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
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
