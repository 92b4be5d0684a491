// Whoever delivers and whoever changes a subscription, at the same moment; on a clone from tests/support/database.ts.
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPool } from '../../store/connect.ts';
import { claimWebhookLanes, type WebhookLane } from '../../store/webhook-lanes.ts';
import { lockWaits } from '../support/lock-waits.ts';
import { WebhookScene } from './webhook-scene.ts';

let scene: WebhookScene;
let api: pg.Pool;
beforeAll(async () => {
  scene = await WebhookScene.open();
  api = openPool(scene.fixture.database.urls.api, { max: 2 });
});
afterAll(async () => {
  await api?.end();
  await scene?.close();
});

async function claimed(name: string): Promise<WebhookLane> {
  await scene.subscribe(name, { from: 'beginning' });
  const lanes = await claimWebhookLanes(scene.relay, { claimant: randomUUID(), limit: 100, perTenant: 100, leaseMs: 60_000 });
  const lane = lanes.find((one) => one.name === name);
  if (lane === undefined) throw new Error('the lane is somebody else’s');
  return lane;
}

/** The relay has the lane and wants the subscription; meanwhile somebody asks for this. */
async function race(name: string, call: string): Promise<void> {
  const lane = await claimed(name);
  const [relay, caller] = [await scene.relay.connect(), await api.connect()];
  try {
    await relay.query('BEGIN');
    await relay.query('SELECT exequatur.move_lane($1::uuid, $2, $3::uuid, 1, 0, make_interval(secs => 60))', [
      lane.tenant,
      lane.sink,
      lane.claimant,
    ]);
    await caller.query(`BEGIN; SET LOCAL app.tenant = '${lane.tenant}'`);
    const asked = caller.query(call, [name]);
    await expect.poll(() => lockWaits(scene.relay)).not.toEqual([]);
    await relay.query('SELECT exequatur.mark_delivered($1::uuid, $2, $3::uuid, 1, 0, make_interval(secs => 60))', [
      lane.tenant,
      lane.sink,
      lane.claimant,
    ]);
    await relay.query('COMMIT');
    await asked;
    await caller.query('ROLLBACK'); // No entry tells of it.
  } finally {
    for (const client of [relay, caller]) client.release(true);
  }
}

describe('a delivery that is being marked', () => {
  it('and a replay of its subscription wait for each other, one after the other', () =>
    race('replayed', "SELECT exequatur.replay_subscription($1, 'now')"));

  it('and the removal of its subscription do too', () => race('removed', 'SELECT exequatur.remove_subscription($1)'));
});

describe('a change that commits while its subscription is being claimed', () => {
  const gate = 7_788;
  /** Has a relay look at what there is, and stop there until this is done. @returns what it then claims of the subscription. */
  async function claimedAround(name: string, change: () => Promise<unknown>): Promise<WebhookLane | undefined> {
    const superuser = openPool(scene.fixture.database.urls.superuser, { max: 1 });
    const clock = (first: string) =>
      superuser.query(`CREATE OR REPLACE FUNCTION exequatur.clock() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS
        'BEGIN ${first} RETURN (SELECT clock_timestamp() + by FROM test_clock.moved); END'`);
    try {
      await clock(`IF session_user LIKE ''%relay'' THEN PERFORM pg_advisory_xact_lock_shared(${gate}); END IF;`);
      await superuser.query('SELECT pg_advisory_lock($1)', [gate]);
      const claiming = claimWebhookLanes(scene.relay, { claimant: randomUUID(), limit: 100, perTenant: 100, leaseMs: 60_000 });
      await expect.poll(() => lockWaits(scene.relay)).not.toEqual([]);
      await change();
      await superuser.query('SELECT pg_advisory_unlock($1)', [gate]);
      return (await claiming).find((lane) => lane.name === name);
    } finally {
      await clock('');
      await superuser.end();
    }
  }

  it('is what the claim goes by: a filter that admits less', async () => {
    await scene.subscribe('turned', { from: 'beginning' });
    const types = ['proposal.executed'];
    const lane = await claimedAround('turned', () => scene.subscribe('turned', { filter: { types } }));
    expect(lane).toBeDefined();
    expect(lane?.filter).toEqual({ types });
  });

  it('and nothing is claimed of one that is off by then', async () => {
    await scene.subscribe('stopped', { from: 'beginning' });
    expect(await claimedAround('stopped', () => scene.subscribe('stopped', { enabled: false }))).toBeUndefined();
  });
});
