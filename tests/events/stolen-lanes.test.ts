// What whoever has the relay's login can say of lanes, next to what the relay says; on clones from tests/support/database.ts.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { announceChange } from '../../store/announce-change.ts';
import { claimKafkaLanes, type Lane } from '../../store/event-lanes.ts';
import { withTenant } from '../../store/sql.ts';
import { claimWebhookLanes } from '../../store/webhook-lanes.ts';
import { EventScene } from './event-scene.ts';
import { WebhookScene } from './webhook-scene.ts';

let scene: WebhookScene;
beforeAll(async () => {
  scene = await WebhookScene.open();
});
afterAll(() => scene?.close());

const refused = { code: '23514' };
const tooLong = 1_000 * 365 * 86_400_000;

/** Lanes that have something to send: Kafka's, and a new subscription's. */
async function claimed(leaseMs = 60_000): Promise<{ kafka: Lane; subscription: Lane }> {
  const name = `s-${randomUUID()}`;
  await scene.subscribe(name, { from: 'beginning' });
  const claimant = randomUUID();
  await scene.fixture.database.advanceClock(3_600_000); // Nobody has a claim from before.
  const [kafka] = await claimKafkaLanes(scene.relay, { claimant, limit: 10, leaseMs });
  const lanes = await claimWebhookLanes(scene.relay, { claimant, limit: 100, perTenant: 100, leaseMs });
  const own = lanes.find((lane) => lane.name === name);
  if (kafka === undefined || own === undefined) throw new Error('a lane is somebody else’s');
  return { kafka, subscription: { ...own, ...own.position } };
}

const happen = (subject: string) =>
  withTenant(scene.fixture.api, scene.fixture.tenant, async (tx) =>
    announceChange(tx, { type: 'switch.changed', subject, facts: { subject }, personal: {} }),
  );

async function headSeq(): Promise<number> {
  const [head] = await scene.fixture.inApi((tx) =>
    tx.rows<{ seq: number }>('SELECT max(e.seq)::float8 AS seq FROM exequatur.audit_entry e'),
  );
  return head?.seq ?? 0;
}

async function call(name: string, lane: Lane, parameters: string): Promise<boolean> {
  const { rows } = await scene.relay.query(`SELECT exequatur.${name}($1::uuid, $2, $3::uuid, ${parameters}) AS said`, [
    lane.tenant,
    lane.sink,
    lane.claimant,
  ]);
  return rows[0].said;
}

const standsAt = async ({ sink }: Lane) =>
  (
    await scene.fixture.inApi((tx) =>
      tx.rows('SELECT l.seq::float8 AS seq, l.ordinal FROM exequatur.event_lane l WHERE l.sink = $1', [sink]),
    )
  )[0];

describe('a lane', () => {
  it.each(['kafka', 'subscription'] as const)('of %s moves no further than the log goes, and not back', async (which) => {
    const lane = (await claimed())[which];
    const head = await headSeq();
    const steps = [
      (seq: number, ordinal: number) => call('move_lane', lane, `${seq}, ${ordinal}, interval '1 minute'`),
      (seq: number, ordinal: number) => call('mark_delivered', lane, `${seq}, ${ordinal}, interval '1 minute'`),
      (seq: number, ordinal: number) =>
        call('bury_event', lane, `${seq}, ${ordinal}, '{"id": "x", "type": "y", "subject": "z"}', 'failed', 'in vain'`),
    ];
    for (const step of steps) {
      for (const [seq, ordinal] of [
        [1_000_000, 0],
        [head + 1, 0],
        [head, 1],
        [head, 2_147_483_647],
      ] as const)
        await expect(step(seq, ordinal), `${seq}, ${ordinal}`).rejects.toMatchObject(refused);
    }
    expect(await standsAt(lane)).toEqual({ seq: lane.seq, ordinal: lane.ordinal });
    expect(await call('move_lane', lane, `${head}, 0, interval '1 minute'`)).toBe(true);
    await expect(call('move_lane', lane, `${head - 1}, 5, interval '1 minute'`)).rejects.toMatchObject(refused);
    expect(await standsAt(lane)).toEqual({ seq: head, ordinal: 0 });
  });

  it('whose login was stolen goes on with what comes later', async () => {
    const events = await EventScene.open('127.0.0.1:1');
    try {
      const claimant = randomUUID();
      await events.announce(['a'], 3);
      const [lane] = await claimKafkaLanes(events.relay, { claimant, limit: 1, leaseMs: tooLong });
      const stored = await events.stored();
      const move = (seq: number) =>
        events.relay.query("SELECT exequatur.move_lane($1::uuid, 'kafka', $2::uuid, $3::bigint, 0, interval '1000 years')", [
          lane?.tenant,
          claimant,
          seq,
        ]);
      await expect(move(1_000_000)).rejects.toMatchObject(refused);
      await move(Number(stored.at(-1)?.sequence.split('.')[0]));
      await events.announce(['b'], 3);
      await events.fixture.database.advanceClock(11 * 60_000);
      const sent: string[] = [];
      await events.publishAll({ publish: async (some) => void sent.push(...some.map(({ id }) => id)), close: async () => {} });
      expect(sent).toEqual((await events.stored()).slice(stored.length).map(({ id }) => id));
      expect(sent).toHaveLength(3);
    } finally {
      await events.close();
    }
  });

  it('is claimed for ten minutes at most, by whichever call', async () => {
    for (const renew of [false, true]) {
      const { kafka, subscription } = await claimed(tooLong);
      await happen(randomUUID());
      for (const lane of [kafka, subscription])
        if (renew) expect(await call('move_lane', lane, `${lane.seq}, ${lane.ordinal}, interval '1000 years'`)).toBe(true);
      await scene.fixture.database.advanceClock(11 * 60_000);
      const claimant = randomUUID();
      const others = [
        ...(await claimKafkaLanes(scene.relay, { claimant, limit: 10, leaseMs: 1_000 })),
        ...(await claimWebhookLanes(scene.relay, { claimant, limit: 100, perTenant: 100, leaseMs: 1_000 })),
      ];
      expect(others.map(({ sink }) => sink)).toEqual(expect.arrayContaining([kafka.sink, subscription.sink]));
    }
  });

  it('is tried again a day after a failure at the latest', async () => {
    const { subscription } = await claimed();
    expect(await call('fail_delivery', subscription, "'failed', 'in vain', interval '1000 years', false")).toBe(true);
    const free = async () => {
      const lanes = await claimWebhookLanes(scene.relay, { claimant: randomUUID(), limit: 100, perTenant: 100, leaseMs: 1_000 });
      return lanes.map(({ sink }) => sink);
    };
    expect(await free()).not.toContain(subscription.sink);
    await scene.fixture.database.advanceClock(25 * 3_600_000);
    expect(await free()).toContain(subscription.sink);
  });

  it('holds keys at events of theirs that there are', async () => {
    const { kafka } = await claimed();
    await happen('switch/held');
    const event = (await scene.events()).at(-1);
    if (event === undefined) throw new Error('nothing has happened');
    const [seq, ordinal] = event.sequence.split('.').map(Number);
    const hold = (one: { key?: string; seq?: number; ordinal?: number; id?: string; type?: string } = {}) => {
      const told = { key: event.partitionkey, seq, ordinal, id: event.id, type: event.type, ...one };
      return call('hold_key', kafka, `'${told.key}', ${told.seq}, ${told.ordinal}, '${told.id}', '${told.type}', 'refused'`);
    };
    for (const other of [
      { seq: 1_000_000 },
      { seq: (seq ?? 0) + 1 },
      { ordinal: 99 },
      { ordinal: 0 },
      { key: 'switch/another' },
      { id: randomUUID() },
      { type: 'x' },
    ])
      await expect(hold(other), JSON.stringify(other)).rejects.toMatchObject(refused);
    expect(await hold()).toBe(true);
  });
});

it('a request is claimed for ten minutes at most', async () => {
  const name = `r-${randomUUID()}`;
  await scene.subscribe(name);
  await scene.fixture.inApi((tx) =>
    tx.rows(
      `INSERT INTO exequatur.webhook_request (tenant_id, id, subscription_id, kind, asked_at)
       SELECT s.tenant_id, $2::uuid, s.id, 'test', exequatur.clock() FROM exequatur.subscription s WHERE s.name = $1`,
      [name, randomUUID()],
    ),
  );
  const claim = async () =>
    (await scene.relay.query("SELECT r.name FROM exequatur.claim_webhook_requests(10, 10, interval '1000 years') r")).rows;
  expect(await claim()).toEqual([{ name }]);
  expect(await claim()).toEqual([]);
  await scene.fixture.database.advanceClock(11 * 60_000);
  expect(await claim()).toEqual([{ name }]);
});
