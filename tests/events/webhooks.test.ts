// Events delivered to endpoints that misbehave: a real receiver, a real database from tests/support/database.ts, and the relay's login.
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { webhookMessage } from '../../api/async-api-messages.ts';
import { eventDataSchema } from '../../ontology/event-data.ts';
import { removeSubscription, replaySubscription, rotateSubscriptionSecret } from '../../store/change-subscription.ts';
import { SecretBox } from '../../store/secret-box.ts';
import { withTenantPrisma } from '../../store/sql.ts';
import { listSubscriptions } from '../../store/subscriptions.ts';
import { askForRedelivery, askForTest, readAttempt } from '../../store/webhook-requests.ts';
import { admin, building, expectDone } from '../store/fixture.ts';
import { writeUntold } from '../support/write-untold.ts';
import { verified, type WebhookReply } from './webhook-receiver.ts';
import { WebhookScene } from './webhook-scene.ts';

let scene: WebhookScene;
beforeEach(async () => {
  scene = await WebhookScene.open();
});
afterEach(() => scene?.close());

const hour = 3_600_000;
const floor = (name: string, rooms: string[] = []) =>
  scene.fixture.done('addFloor', { name, rooms: rooms.map((code) => ({ code, seats: 4 })) });
const objects = { types: ['object.created'] };
const ids = (path: string) => scene.receiver.at(path).map(({ event }) => event.id);
const subjects = (path: string) => scene.receiver.at(path).map(({ event }) => event.subject);
const outcomeOf = (id: string) => scene.fixture.inApi((tx) => readAttempt(tx, id));

describe('a subscription', () => {
  it('gets every event of its tenant from its beginning on, in order, each signed, under its own id', async () => {
    await floor('F1', ['A', 'B', 'C']);
    const secret = await scene.subscribe('all', { from: 'beginning' });
    const relay = scene.deliver();
    await floor('F2', ['D']);
    await scene.untilCaughtUp('all');
    await relay.stop();
    const events = await scene.events();
    expect(scene.receiver.at('/all').map((one) => verified(secret, one))).toEqual(events);
    for (const { headers, event } of scene.receiver.at('/all')) {
      expect(headers).toMatchObject({ 'webhook-id': event.id, 'content-type': 'application/cloudevents+json; charset=utf-8' });
    }
    expect(await scene.view('all')).toMatchObject({ failing: null, disabled: null, deadLetters: 0, deliveredAt: expect.any(String) });
    expect(relay.outcomes).toEqual(events.map(() => 'delivered'));
  });

  it('gets what its filter admits, and comes to the end of the log all the same', async () => {
    await scene.subscribe('rooms', { filter: { objectTypes: ['room'], condition: 'event.data.set.seats == 4' } });
    await scene.subscribe('nothing', { filter: { types: ['schedule.*'] } });
    const relay = scene.deliver();
    await floor('F1', ['A', 'B']);
    await scene.fixture.done('setSeats', { room: 'A', seats: 5 });
    await Promise.all(['rooms', 'nothing'].map((name) => scene.untilCaughtUp(name)));
    await relay.stop();
    expect(subjects('/rooms')).toEqual(['object/room/A', 'object/room/B']);
    expect(subjects('/nothing')).toEqual([]);
  });

  it('has what cannot be read as a dead letter, where it may be wanted, and gets it once it is mended and somebody asks', async () => {
    await floor('F1', ['A']);
    const spoil = (text: string) => writeUntold(scene.fixture.database, text, [scene.fixture.tenant]);
    await spoil(
      `UPDATE exequatur.outbox SET subject = 'nothing', data = data || '{"executionId": "none"}' WHERE tenant_id = $1 AND type = 'object.changes'`,
    );
    const rooms = { objectTypes: ['room'] };
    for (const [name, filter] of Object.entries({ all: {}, rooms, settings: { subjects: ['subscription/*'] } }))
      await scene.subscribe(name, { from: 'beginning', filter });
    await spoil(
      `UPDATE exequatur.outbox SET data = to_jsonb('x'::text) WHERE tenant_id = $1 AND type = 'subscription.changed' AND subject = 'subscription/settings'`,
    );
    const relay = scene.deliver();
    await floor('F2');
    for (const name of ['all', 'rooms', 'settings']) await scene.untilCaughtUp(name);
    expect(scene.receiver.at('/all').map(({ event }) => event)).toEqual(await scene.events());
    expect(subjects('/all').filter((subject) => subject.startsWith('object/'))).toEqual(['object/floor/F2']);
    expect(scene.lines.join('')).toContain('an event cannot be read: it became a dead letter');
    const types = async (name: string) => (await scene.deadLetters(name)).map(({ type }) => type);
    expect([await types('all'), await types('rooms'), await types('settings')]).toEqual([
      ['object.changes', 'subscription.changed'],
      ['object.changes'],
      ['object.changes', 'subscription.changed'],
    ]);
    expect(await scene.view('rooms')).toMatchObject({ failing: null, disabled: null, deadLetters: 1 });

    const ask = async (name: string) => {
      const [letter] = await scene.deadLetters(name);
      const [seq = 0, ordinal = 0] = letter?.sequence.split('.').map(Number) ?? [];
      const wish = { name, by: admin, place: { seq, ordinal } };
      const { id } = expectDone(await scene.fixture.inApi((tx) => askForRedelivery(tx, wish, scene.fixture.deps)));
      await expect.poll(async () => (await outcomeOf(id)).outcome, { timeout: 20_000 }).not.toBeNull();
      return (await outcomeOf(id)).outcome;
    };
    expect(await ask('rooms')).toMatchObject({ delivered: false, error: { code: 'unreadable' } });
    expect(await scene.deadLetters('rooms')).toMatchObject([{ attempts: 1, error: { code: 'unreadable' } }]);
    await spoil(
      `UPDATE exequatur.outbox SET data = data || jsonb_build_object('executionId', (SELECT min(execution_id::text) FROM exequatur.object_history WHERE tenant_id = $1 AND object_id = 'F1'))
        WHERE tenant_id = $1 AND type = 'object.changes' AND data ->> 'executionId' = 'none'`,
    );
    for (const name of ['all', 'rooms', 'settings']) expect(await ask(name)).toMatchObject({ delivered: true });
    await relay.stop();
    const changed = subjects('/all').filter((subject) => subject.startsWith('object/'));
    expect(changed).toEqual(['object/floor/F2', 'object/floor/F1', 'object/room/A']);
    expect(subjects('/rooms')).toEqual(['object/room/A']);
    expect(subjects('/settings').filter((subject) => !subject.startsWith('subscription/'))).toEqual([]);
    expect([await types('all'), await types('rooms')]).toEqual([['subscription.changed'], []]);
  });

  it('sees nothing of another tenant, whose administrators see nothing of it', async () => {
    const other = await scene.fixture.database.createTenant();
    await scene.subscribe('all', { from: 'beginning' });
    const relay = scene.deliver();
    await scene.untilCaughtUp('all');
    await relay.stop();
    expect(new Set(scene.receiver.at('/all').map(({ event }) => event.tenant))).toEqual(new Set([scene.fixture.tenant]));
    const theirs = await withTenantPrisma(scene.fixture.api, other, async (tx) => ({
      listed: await listSubscriptions(tx),
      removed: await removeSubscription(tx, { name: 'all', by: admin }, scene.fixture.deps),
      replayed: await replaySubscription(tx, { name: 'all', from: 'now', by: admin }, scene.fixture.deps),
      tested: await askForTest(tx, { name: 'all', by: admin }, scene.fixture.deps),
    }));
    expect(theirs).toMatchObject({
      listed: [],
      removed: { refused: 'not_found' },
      replayed: { refused: 'not_found' },
      tested: { refused: 'not_found' },
    });
  });

  it.each<[string, WebhookReply]>([
    ['answers 500', { status: 500 }],
    ['answers 404', { status: 404 }],
    ['redirects', { status: 302, headers: { location: 'http://127.0.0.1:1/elsewhere' } }],
    ['breaks the connection off', { reset: true }],
  ])('whose endpoint %s gets the same event again, and those behind it after it', async (_, reply) => {
    await scene.subscribe('shop', { filter: objects });
    let isUp = false;
    scene.receiver.behaviour = () => (isUp ? undefined : reply);
    const relay = scene.deliver();
    await floor('F1', ['A']);
    await scene.untilReceived('/shop', 1);
    await expect.poll(async () => (await scene.view('shop')).failing?.attempts).toBe(1);
    isUp = true;
    await scene.later(7_000);
    await scene.untilCaughtUp('shop');
    await relay.stop();
    expect(subjects('/shop')).toEqual(['object/floor/F1', 'object/floor/F1', 'object/room/A']);
    expect(ids('/shop')[0]).toBe(ids('/shop')[1]);
    expect(await scene.view('shop')).toMatchObject({ failing: null });
  });

  it('waits for as long as its endpoint asks', async () => {
    await scene.subscribe('shop', { filter: objects });
    scene.receiver.behaviour = (_, n) => (n === 0 ? { status: 503, headers: { 'retry-after': '600' } } : undefined);
    const relay = scene.deliver();
    await floor('F1');
    await expect.poll(async () => (await scene.view('shop')).failing).toMatchObject({ error: { code: 'status', message: 'answered 503' } });
    const { failing } = await scene.view('shop');
    expect(Date.parse(failing?.nextAttemptAt ?? '') - Date.parse(failing?.error.at ?? '')).toBe(600_000);
    await scene.later(600_000);
    await scene.untilCaughtUp('shop');
    await relay.stop();
    expect(ids('/shop').length).toBe(2);
  });

  it('whose endpoint answers nothing keeps none of the others waiting', async () => {
    const names = Array.from({ length: 12 }, (_, n) => `slow-${n}`);
    for (const name of [...names, 'quick']) await scene.subscribe(name, { filter: objects });
    scene.receiver.behaviour = ({ path }) => (path.startsWith('/slow') ? { silent: true } : undefined);
    const relay = scene.deliver({ limits: { atOnce: 16, perTenant: 16 } });
    await floor('F1', ['A', 'B', 'C', 'D']);
    await scene.untilCaughtUp('quick');
    expect(subjects('/quick').length).toBe(5);
    await relay.stop();
    expect((await scene.view('slow-0')).failing).toBeNull(); // An attempt that was broken off here is nobody's fault.
  });

  it('of one tenant takes no more places than are one’s', async () => {
    for (let n = 0; n < 4; n++) await scene.subscribe(`slow-${n}`, { filter: objects });
    scene.receiver.behaviour = () => ({ silent: true });
    const relays = [1, 2].map(() => scene.deliver({ limits: { atOnce: 8, perTenant: 3 } }));
    await floor('F1');
    await expect.poll(() => scene.receiver.received.length).toBe(3);
    await Promise.all(relays.map((relay) => relay.stop()));
    expect(scene.receiver.received.length).toBeLessThanOrEqual(4); // The fourth may have got a place that was given back meanwhile.
  });

  it('whose address leads inside is not sent to', async () => {
    await scene.subscribe('inside', { filter: objects, url: 'https://127.0.0.2/hook' });
    const relay = scene.deliver({ sender: { allowedAddresses: [] } });
    await floor('F1');
    await expect.poll(async () => (await scene.view('inside')).failing?.error).toMatchObject({ code: 'address' });
    await relay.stop();
  });

  it('without a key that opens its secret gets nothing, and loses nothing for that', async () => {
    await scene.subscribe('shop', { filter: objects });
    const blind = scene.deliver({ box: new SecretBox([]) });
    await floor('F1');
    await expect.poll(async () => (await scene.view('shop')).failing).toMatchObject({ attempts: 0, error: { code: 'secret_sealed' } });
    await scene.later(99 * hour);
    await expect.poll(async () => Date.parse((await scene.view('shop')).failing?.error.at ?? '')).toBeGreaterThan(Date.now() + 98 * hour);
    await blind.stop();
    const relay = scene.deliver();
    await scene.later(10_000);
    await scene.untilCaughtUp('shop');
    await relay.stop();
    expect(await scene.view('shop')).toMatchObject({ failing: null, disabled: null, deadLetters: 0 });
    expect(ids('/shop').length).toBe(1);
  });
});

describe('what cannot be delivered', () => {
  it('is given up after a day, listed, and sent again when somebody asks; order is kept, with a gap', async () => {
    await scene.subscribe('shop', { filter: objects });
    let refused = 'object/room/A';
    scene.receiver.behaviour = ({ event }) => (event.subject === refused ? { status: 422 } : undefined);
    const relay = scene.deliver();
    await floor('F1', ['A', 'B']);
    await expect.poll(async () => (await scene.view('shop')).failing?.attempts).toBe(1);
    expect(subjects('/shop')).toEqual(['object/floor/F1', 'object/room/A']);
    await scene.later(24 * hour + 10_000);
    await scene.untilCaughtUp('shop');
    expect(subjects('/shop')).toEqual(['object/floor/F1', 'object/room/A', 'object/room/A', 'object/room/B']);
    const [letter] = await scene.deadLetters('shop');
    expect(letter).toMatchObject({
      subject: 'object/room/A',
      attempts: 2,
      error: { code: 'status', message: 'answered 422' },
      eventId: ids('/shop')[1],
    });
    expect(relay.outcomes).toContain('dead_letter');

    const [seq = 0, ordinal = 0] = letter?.sequence.split('.').map(Number) ?? [];
    const again = () =>
      scene.fixture.inApi((tx) => askForRedelivery(tx, { name: 'shop', by: admin, place: { seq, ordinal } }, scene.fixture.deps));
    const failed = expectDone(await again());
    await expect.poll(() => outcomeOf(failed.id)).toMatchObject({ outcome: { delivered: false, status: 422, error: { code: 'status' } } });
    expect(await scene.deadLetters('shop')).toMatchObject([{ attempts: 3 }]);
    refused = '';
    const taken = expectDone(await again());
    await expect.poll(() => outcomeOf(taken.id)).toMatchObject({ outcome: { delivered: true, status: 204, error: null } });
    await relay.stop();
    expect(await scene.deadLetters('shop')).toEqual([]);
    expect(ids('/shop').at(-1)).toBe(letter?.eventId);
    expect(await again()).toMatchObject({ refused: 'not_found' });
  });

  it('for days ends the subscription, which tells so, keeps its place, and goes on when it is set again', async () => {
    await scene.subscribe('shop', { filter: objects });
    await scene.subscribe('watch', { filter: { types: ['subscription.disabled'] } });
    let isUp = false;
    scene.receiver.behaviour = ({ path }) => (isUp || path === '/watch' ? undefined : { status: 500 });
    const relay = scene.deliver();
    await floor('F1', ['A', 'B', 'C', 'D']);
    await expect.poll(async () => (await scene.view('shop')).failing?.attempts).toBe(1);
    for (let day = 1; day <= 2; day++) {
      await scene.later(24 * hour + 10_000);
      await expect.poll(async () => (await scene.view('shop')).deadLetters).toBe(day);
      await expect.poll(async () => (await scene.view('shop')).failing?.attempts).toBe(1);
    }
    await scene.later(24 * hour);
    await expect.poll(async () => (await scene.view('shop')).disabled).toMatchObject({ reason: 'failing' });
    await scene.untilReceived('/watch', 1);
    expect(scene.receiver.at('/watch')[0]?.event).toMatchObject({
      subject: 'subscription/shop',
      data: { name: 'shop', reason: 'failing' },
    });
    expect(await scene.view('shop')).toMatchObject({ enabled: true, deadLetters: 2, failing: { nextAttemptAt: null } });
    const before = scene.receiver.at('/shop').length;
    isUp = true;
    await scene.later(24 * hour);
    await floor('F2');
    await scene.untilCaughtUp('watch');
    expect(scene.receiver.at('/shop').length).toBe(before);

    const again = expectDone(await scene.put(scene.wish('shop', { filter: objects })));
    expect(again).toMatchObject({ loosens: [], secret: null });
    await scene.subscribe('shop', { filter: objects });
    await scene.untilCaughtUp('shop');
    await relay.stop();
    expect(subjects('/shop').slice(before)).toEqual(['object/room/B', 'object/room/C', 'object/room/D', 'object/floor/F2']);
    expect((await scene.deadLetters('shop')).map(({ subject }) => subject)).toEqual(['object/floor/F1', 'object/room/A']);
  });

  it('because the endpoint is gone ends the subscription at once', async () => {
    await scene.subscribe('shop', { filter: objects });
    scene.receiver.behaviour = () => ({ status: 410 });
    const relay = scene.deliver();
    await floor('F1');
    await expect.poll(async () => (await scene.view('shop')).disabled).toMatchObject({ reason: 'gone' });
    await scene.later(24 * hour);
    await floor('F2');
    await relay.stop();
    expect(ids('/shop').length).toBe(1);
    expect(relay.outcomes).toEqual(['failed', 'disabled']);
    expect((await scene.events()).filter(({ type }) => type === 'subscription.disabled')).toMatchObject([
      { data: { name: 'shop', reason: 'gone' } },
    ]);
  });
});

describe('a filter that cannot be used any more', () => {
  it('stops its subscription, which tells so, passes nothing over, and goes on where it stood with another', async () => {
    await scene.subscribe('shop', { filter: { ...objects, condition: "event.subject != ''" } });
    await scene.subscribe('watch', { filter: { types: ['subscription.disabled'] } });
    const superuser = new pg.Client({ connectionString: scene.fixture.database.urls.superuser });
    await superuser.connect();
    await superuser.query('SET session_replication_role = replica'); // No entry tells of it.
    await superuser.query(
      `UPDATE exequatur.subscription SET filter = filter || '{"condition": "event.subject.formerly()"}' WHERE name = 'shop'`,
    );
    await superuser.end();
    await floor('F1', ['A']);
    const relay = scene.deliver();
    await scene.untilReceived('/watch', 1);
    expect(scene.receiver.at('/watch')[0]?.event).toMatchObject({ subject: 'subscription/shop', data: { name: 'shop', reason: 'filter' } });
    expect(await scene.view('shop')).toMatchObject({
      disabled: { reason: 'filter' },
      failing: { attempts: 0, error: { code: 'invalid_filter' } },
    });
    expect(relay.outcomes).toContain('disabled');
    expect(subjects('/shop')).toEqual([]);
    await scene.subscribe('shop', { filter: objects });
    await scene.untilCaughtUp('shop');
    await relay.stop();
    expect(subjects('/shop')).toEqual(['object/floor/F1', 'object/room/A']);
    expect(await scene.view('shop')).toMatchObject({ disabled: null, failing: null });
  });
});

describe('more than one relay', () => {
  it('together send everything, each event of a subscription once and in order', async () => {
    const names = ['a', 'b', 'c'];
    for (const name of names) await scene.subscribe(name, { filter: objects });
    const relays = [1, 2].map(() => scene.deliver());
    for (let n = 0; n < 6; n++) await floor(`F${n}`, [`R${n}-1`, `R${n}-2`]);
    await Promise.all(names.map((name) => scene.untilCaughtUp(name)));
    await Promise.all(relays.map((relay) => relay.stop()));
    const created = (await scene.events()).filter(({ type }) => type === 'object.created').map(({ id }) => id);
    for (const name of names) expect(ids(`/${name}`)).toEqual(created);
  });

  it('go on where one was cut off between sending and marking, with the same id', async () => {
    await scene.subscribe('shop', { filter: objects });
    await floor('F1', ['A', 'B']);
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    scene.receiver.behaviour = (_, n) => (n === 1 ? { after: held } : undefined);
    const lost = scene.deliver();
    await scene.untilReceived('/shop', 2);
    await scene.leaseOver(); // As if it were dead: somebody else has its lane from now on.
    await scene.later(1_000);
    const other = scene.deliver();
    await scene.untilCaughtUp('shop');
    answer(); // It was not dead, and what it marks now is nothing.
    await Promise.all([lost.stop(), other.stop()]);
    expect(subjects('/shop')).toEqual(['object/floor/F1', 'object/room/A', 'object/room/A', 'object/room/B']);
    expect(ids('/shop')[1]).toBe(ids('/shop')[2]);
    await scene.untilCaughtUp('shop');
  });
});

describe('what somebody asks for', () => {
  it('a replay begins at a time, a sequence or now, and no earlier than was approved', async () => {
    await floor('F0');
    await scene.subscribe('shop', { filter: objects });
    const relay = scene.deliver();
    await floor('F1');
    await scene.untilCaughtUp('shop'); // What is under way when an hour passes is somebody else's afterwards, and sent again.
    await scene.later(hour);
    await floor('F2', ['A']);
    await scene.untilCaughtUp('shop');
    const first = subjects('/shop');
    const replay = (from: string) =>
      scene.fixture.inApi((tx) => replaySubscription(tx, { name: 'shop', from, by: admin }, scene.fixture.deps));
    const replayed = async (from: string) => {
      const before = subjects('/shop').length;
      expectDone(await replay(from));
      await scene.untilCaughtUp('shop');
      return subjects('/shop').slice(before);
    };
    const at = scene.receiver.at('/shop').map(({ event }) => event);
    expect(await replayed(at[1]?.time ?? '')).toEqual(['object/floor/F2', 'object/room/A']);
    expect(await replayed(at[2]?.sequence ?? '')).toEqual(['object/room/A']);
    expect(await replayed(at[0]?.sequence ?? '')).toEqual(first);
    expect(await replayed('now')).toEqual([]);
    expect(await replayed((await scene.view('shop')).position.earliest)).toEqual(first);
    expect(await replay('beginning')).toMatchObject({ refused: 'replay_too_early' });
    expect(await replay('2020-01-01T00:00:00Z')).toMatchObject({ refused: 'replay_too_early' });
    await relay.stop();
    expect(new Set(ids('/shop')).size).toBe(first.length);
  });

  it('a test is a signed event that says nothing, and tells what came of it', async () => {
    const secret = await scene.subscribe('shop', { filter: { types: ['nothing'] } });
    scene.receiver.behaviour = (_, n) => (n === 0 ? undefined : { status: 500 });
    const relay = scene.deliver();
    const test = async () => expectDone(await scene.fixture.inApi((tx) => askForTest(tx, { name: 'shop', by: admin }, scene.fixture.deps)));
    const { id } = await test();
    await expect.poll(() => outcomeOf(id)).toMatchObject({ outcome: { delivered: true, status: 204 } });
    const [one] = scene.receiver.at('/shop');
    if (one === undefined) throw new Error('no test came');
    const event = verified(secret, one);
    expect(event).toMatchObject({ id, type: 'subscription.test', data: { name: 'shop' } });
    // As it is published.
    expect(Object.keys(eventDataSchema('subscription.test').properties as object)).toEqual(Object.keys(event.data ?? {}));
    const { required } = webhookMessage('subscription.test').payload as { required: string[] };
    expect(Object.keys(event).sort()).toEqual([...required, 'data'].sort());
    const failing = await test();
    await expect.poll(() => outcomeOf(failing.id)).toMatchObject({ outcome: { delivered: false, status: 500 } });
    await relay.stop();
    expect(await scene.view('shop')).toMatchObject({ failing: null });
  });

  it('is asked for thirty times within a minute by one tenant, and again once the first is a minute old', async () => {
    await scene.subscribe('shop', { filter: objects });
    const ask = () => scene.fixture.inApi((tx) => askForTest(tx, { name: 'shop', by: admin }, scene.fixture.deps));
    const first = await Promise.all(Array.from({ length: 34 }, ask));
    expect(first.filter((asked) => !('refused' in asked)).length).toBe(30);
    const refused = await ask();
    expect(refused).toMatchObject({ refused: 'too_many_attempts' });
    const waitS = 'refused' in refused ? (refused.retryAfterS ?? 0) : 0;
    expect(waitS).toBeGreaterThan(1);
    await scene.later(waitS * 1_000);
    expectDone(await ask());
  });

  it('of one tenant takes no more places than a quarter of its own', async () => {
    await scene.subscribe('slow', { filter: { types: ['nothing'] } });
    scene.receiver.behaviour = () => ({ silent: true });
    for (let n = 0; n < 6; n++)
      expectDone(await scene.fixture.inApi((tx) => askForTest(tx, { name: 'slow', by: admin }, scene.fixture.deps)));
    const relays = [1, 2].map(() => scene.deliver({ limits: { atOnce: 32, perTenant: 8 } }));
    await expect.poll(() => scene.receiver.received.length).toBe(2);
    await floor('F1'); // Rounds go on meanwhile.
    expect(scene.receiver.received.length).toBe(2);
    await Promise.all(relays.map((relay) => relay.stop()));
  });

  it('another secret signs beside the one before for as long as was said', async () => {
    const first = await scene.subscribe('shop', { filter: objects });
    const relay = scene.deliver();
    const wish = { name: 'shop', by: admin, overlap: 'PT1H' };
    const rotated = expectDone(await scene.fixture.inApi((tx) => rotateSubscriptionSecret(tx, wish, scene.box, scene.fixture.deps)));
    const second = rotated.value ?? '';
    await floor('F1');
    await scene.untilCaughtUp('shop');
    await scene.later(hour);
    await floor('F2');
    await scene.untilCaughtUp('shop');
    await relay.stop();
    const [during, after] = scene.receiver.at('/shop');
    if (during === undefined || after === undefined) throw new Error('nothing came');
    expect([first, second].map((secret) => verified(secret, during).subject)).toEqual(['object/floor/F1', 'object/floor/F1']);
    expect(verified(second, after).subject).toBe('object/floor/F2');
    expect(() => verified(first, after)).toThrow();
    expect((await scene.view('shop')).secrets).toMatchObject([{ id: rotated.secret.id, retiresAt: null }]);
  });

  it('a removal ends it: nothing more is sent, and its secret is out of use', async () => {
    await scene.subscribe('shop', { filter: objects });
    const relay = scene.deliver();
    await floor('F1');
    await scene.untilReceived('/shop', 1);
    await scene.untilCaughtUp('shop');
    expectDone(await scene.fixture.inApi((tx) => removeSubscription(tx, { name: 'shop', by: admin }, scene.fixture.deps)));
    await scene.subscribe('watch', { filter: objects });
    await floor('F2');
    await scene.untilReceived('/watch', 1);
    await relay.stop();
    expect(ids('/shop').length).toBe(1);
    expect(
      await scene.fixture.inApi((tx) =>
        tx.rows("SELECT 1 FROM exequatur.endpoint_secret s WHERE s.endpoint = 'subscription/shop' AND s.retires_at IS NULL"),
      ),
    ).toEqual([]);
  });
});

it('sensitive values never leave, and logs hold no address', async () => {
  await scene.close();
  const secretive = structuredClone(building) as unknown as {
    objectTypes: { room: { properties: Record<string, object> } };
    sensitiveReaders?: string;
  };
  secretive.objectTypes.room.properties.note = { type: 'string', maxLength: 200, sensitive: true };
  scene = await WebhookScene.open(secretive as never);
  await floor('F1', ['A']);
  await scene.subscribe('all', { from: 'beginning' });
  scene.receiver.behaviour = (_, n) => (n === 0 ? { status: 410 } : undefined);
  const relay = scene.deliver();
  await expect.poll(async () => (await scene.view('all')).disabled).not.toBeNull();
  await scene.fixture.done('closeRoom', { room: 'A', note: 'the-hidden-word' });
  await scene.subscribe('all', { from: 'beginning' });
  await scene.untilCaughtUp('all');
  await relay.stop();
  const modified = scene.receiver.at('/all').find(({ event }) => event.type === 'object.modified')?.event;
  expect(modified?.data).toMatchObject({ set: { status: 'closed' }, masked: ['note'] });
  expect(JSON.stringify(scene.receiver.received)).not.toContain('the-hidden-word');
  expect(scene.lines.join('\n')).toContain('a subscription was given up');
  expect(scene.lines.join('\n')).not.toMatch(/127\.0\.0\.1|whsec_/);
});
