// What becomes of events that are old, with the logins of relay, API and worker; on clones from tests/support/database.ts.
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { beginning, type Position, parsePosition } from '../../ontology/cloud-event.ts';
import { replaySubscription } from '../../store/change-subscription.ts';
import { claimKafkaLanes, laneEvents, moveLane } from '../../store/event-lanes.ts';
import { deleteOldEvents, oldestEventAgeMs } from '../../store/event-retention.ts';
import { EventWatch } from '../../store/event-watch.ts';
import { listEvents } from '../../store/list-events.ts';
import { isKept, readEvent, readEvents, readHead } from '../../store/read-events.ts';
import { withTenant } from '../../store/sql.ts';
import { askForRedelivery, readAttempt } from '../../store/webhook-requests.ts';
import { admin, expectDone } from '../store/fixture.ts';
import { lockWaits } from '../support/lock-waits.ts';
import { tell } from './event-scene.ts';
import { WebhookScene } from './webhook-scene.ts';

let scene: WebhookScene;
beforeEach(async () => {
  scene = await WebhookScene.open();
});
afterEach(() => scene?.close());

const day = 86_400_000;
const claimant = '00000000-0000-4000-8000-000000000001';
const happen = (name: string) => scene.fixture.inApi(async (tx) => tell(tx, name, { turn: 0 }));
const all = async () => (await scene.events()).map(({ sequence }) => sequence);

async function deleteAll(keptDays = 30): Promise<number> {
  let gone = 0;
  for (;;) {
    const events = await deleteOldEvents(scene.relay, { keptDays, entries: 2 });
    if (events === null) return gone;
    gone += events;
  }
}

const list = (after: Position) => scene.fixture.inApi((tx) => listEvents(tx, scene.fixture.tenant, { after }));

describe('events that are old enough', () => {
  it('are deleted in small steps, the newer kept, and those who come from before them are told', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await happen(name);
    const old = await all();
    expect(await deleteAll()).toBe(0);
    await scene.later(31 * day);
    await happen('new');
    const kept = (await all()).slice(old.length);
    expect(await deleteAll()).toBe(old.length);
    expect(await all()).toEqual(kept);
    expect(await oldestEventAgeMs(scene.relay)).toBeLessThan(day);

    const before = parsePosition(old[1] ?? '') as Position;
    expect(await list(before)).toMatchObject({ refused: 'events_not_kept' });
    expect(await list(parsePosition(old.at(-1) ?? '') as Position)).toMatchObject({ refused: 'events_not_kept' });
    expect(await list(beginning)).toMatchObject({ events: kept.map((sequence) => ({ sequence })) });
    const { fixture } = scene;
    expect(await fixture.inApi((tx) => readEvent(tx, fixture.tenant, old[0] ?? ''))).toBeNull();
    expect(await fixture.inApi((tx) => isKept(tx, fixture.tenant, before))).toBe(false);
    const [log] = await fixture.inApi((tx) =>
      tx.rows<{ n: number }>("SELECT count(*)::int AS n FROM exequatur.audit_entry WHERE type = 'switch.changed'"),
    );
    expect(log?.n).toBe(6); // The log keeps everything.
  });

  it('wait for Kafka, where events were ever published to it', async () => {
    await happen('a');
    await happen('b');
    const [lane] = await claimKafkaLanes(scene.relay, { claimant, limit: 1, leaseMs: 1_000 });
    if (lane === undefined) throw new Error('there is no lane');
    await scene.later(31 * day);
    expect(await deleteAll()).toBe(0);
    const [again] = await claimKafkaLanes(scene.relay, { claimant, limit: 1, leaseMs: 60_000 });
    if (again === undefined) throw new Error('there is no lane');
    const { events, next } = await laneEvents(scene.relay, again, again, { limit: 500, bytes: 1e9 });
    await moveLane(scene.relay, again, next, null);
    expect(await deleteAll()).toBe(events.length);
  });

  it('wait for subscriptions that are in use, and not for those that are off', async () => {
    await scene.subscribe('shop', { from: 'beginning' });
    await scene.later(31 * day);
    expect(await deleteAll()).toBe(0);
    await scene.subscribe('shop', { enabled: false });
    const count = (await all()).length;
    const gone = await deleteAll();
    expect(gone).toBeGreaterThan(0);
    expect(gone).toBeLessThan(count); // That it was switched off is new.
    expect(await scene.put(scene.wish('shop', { enabled: true }))).toMatchObject({ refused: 'events_not_kept' });
    const replay = (from: string) =>
      scene.fixture.inApi((tx) => replaySubscription(tx, { name: 'shop', from, by: admin }, scene.fixture.deps));
    expect(await replay('2020-01-01T00:00:00Z')).toMatchObject({ refused: 'events_not_kept' });
    expect(await replay('beginning')).not.toHaveProperty('refused');
    await scene.subscribe('shop', { enabled: true });
    expect(await scene.view('shop')).toMatchObject({ enabled: true });
    expect(await scene.put(scene.wish('other', { from: '2020-01-01T00:00:00Z' }))).toMatchObject({ refused: 'events_not_kept' });
  });

  it('are not delivered again where that was asked for before and done afterwards, which is said', async () => {
    await scene.subscribe('shop', { filter: { types: ['object.created'] } });
    scene.receiver.behaviour = () => ({ status: 500 });
    const relay = scene.deliver();
    await scene.fixture.done('addFloor', { name: 'F1', rooms: [] });
    await expect.poll(async () => (await scene.view('shop')).failing?.attempts).toBe(1);
    await scene.later(day + 10_000);
    await expect.poll(async () => (await scene.view('shop')).deadLetters).toBe(1);
    await scene.untilCaughtUp('shop');
    await relay.stop();
    await scene.later(28.5 * day); // It is still kept when that is asked for; requests themselves are kept for a day.
    const [seq = 0, ordinal = 0] = ((await scene.deadLetters('shop'))[0]?.sequence ?? '').split('.').map(Number);
    const { id } = expectDone(
      await scene.fixture.inApi((tx) => askForRedelivery(tx, { name: 'shop', by: admin, place: { seq, ordinal } }, scene.fixture.deps)),
    );
    await scene.later(0.6 * day);
    expect(await deleteAll()).toBeGreaterThan(0);
    scene.deliver();
    await expect
      .poll(() => scene.fixture.inApi((tx) => readAttempt(tx, id)))
      .toMatchObject({ outcome: { delivered: false, status: null, error: { code: 'events_not_kept' } } });
  });

  it('are not passed over by who follows, also where nobody looked for as long', async () => {
    const { api, tenant } = scene.fixture;
    const watch = new EventWatch(api);
    const gone = new AbortController();
    watch.attend(tenant, gone.signal);
    const next = (after: Position, limitMs: number) => watch.next({ tenant, after, limitMs, signal: gone.signal });
    const head = await scene.fixture.inApi((tx) => readHead(tx, tenant));
    expect(await next(head, 200)).toEqual({ events: [], next: head });
    await happen('missed');
    await scene.later(31 * day);
    expect(await deleteAll()).toBeGreaterThan(0);
    await happen('new');
    expect(await next(head, 10_000)).toBeNull();
    gone.abort();
  });

  it('are deleted by two at once, each once', async () => {
    for (let n = 0; n < 20; n++) await happen(`n${n}`);
    const other = await scene.fixture.database.createTenant();
    const count = (await all()).length;
    await scene.later(31 * day);
    const gone = await Promise.all([deleteAll(), deleteAll(), deleteAll()]);
    expect(gone.reduce((sum, one) => sum + one, 0) + (await deleteAll())).toBe(count);
    expect(await all()).toEqual([]);
    expect(other).not.toBe(scene.fixture.tenant);
  });
});

describe('a round of retention', () => {
  it('asks who has a place among the events of the oldest tenant, not of all, and passes one that is held back', async () => {
    const { database, api, tenant } = scene.fixture;
    await scene.subscribe('shop', { from: 'beginning' }); // Holds the oldest back.
    for (let n = 0; n < 20; n++) {
      const other = await database.createTenant();
      await withTenant(api, other, async (tx) => tell(tx, 'a', { turn: 0 }));
    }
    await scene.later(31 * day);
    const superuser = new pg.Client({ connectionString: database.urls.superuser });
    await superuser.connect();
    await superuser.query("BEGIN; SET LOCAL track_functions = 'all'");
    const { rows } = await superuser.query("SELECT * FROM exequatur.delete_old_events('30 days', 1000)");
    const { rows: calls } = await superuser.query("SELECT calls FROM pg_stat_xact_user_functions WHERE funcname = 'passed_by_all'");
    const { rows: held } = await superuser.query('SELECT deleted_seq FROM exequatur.event_feed WHERE tenant_id = $1', [tenant]);
    await superuser.query('ROLLBACK');
    await superuser.end();
    expect(rows).toMatchObject([{ events: '1' }]);
    expect(held).toEqual([{ deleted_seq: '0' }]);
    expect(calls).toEqual([{ calls: '3' }]); // Of the one that is held back, and of the next before and behind its lock.
  });

  it('waits for whoever is told what is kept, also where nothing was ever deleted', async () => {
    await happen('a');
    const { database, tenant } = scene.fixture;
    await scene.later(31 * day);
    const superuser = new pg.Client({ connectionString: database.urls.superuser });
    await superuser.connect();
    await superuser.query('BEGIN');
    await superuser.query('SELECT exequatur.oldest_kept($1)', [tenant]);
    const gone = deleteAll();
    await expect.poll(() => lockWaits(superuser, { kind: 'transactionid' })).toHaveLength(1);
    await superuser.query('COMMIT');
    await superuser.end();
    expect(await gone).toBeGreaterThan(0);
  });
});

describe('nobody deletes events', () => {
  it('but the relay, through what asks for all of this itself', async () => {
    await happen('a');
    await scene.later(2 * 3_600_000);
    for (const url of [scene.fixture.database.urls.api, scene.fixture.database.urls.worker, scene.fixture.database.urls.relay]) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await expect(client.query('DELETE FROM exequatur.outbox')).rejects.toMatchObject({ code: '42501' });
      const call = client.query("SELECT * FROM exequatur.delete_old_events('-1 year', 1000000)");
      if (url === scene.fixture.database.urls.relay)
        expect((await call).rows).toEqual([]); // Not for less than a day.
      else await expect(call).rejects.toMatchObject({ code: '42501' });
      await client.end();
    }
    const { events } = await scene.fixture.inApi((tx) => readEvents(tx, { tenant: scene.fixture.tenant, after: beginning, limit: 1_000 }));
    expect(events.at(-1)).toMatchObject({ subject: 'switch/a' });
  });
});
