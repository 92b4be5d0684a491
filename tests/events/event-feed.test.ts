// Events as they are read over HTTP, in pages and as streams; a database of its own: tests/support/database.ts.
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { beginning, type CloudEvent, positionText } from '../../ontology/cloud-event.ts';
import { announceChange } from '../../store/announce-change.ts';
import { readEvents } from '../../store/read-events.ts';
import { withTenant } from '../../store/sql.ts';
import { ApiScene } from '../api/api-scene.ts';
import { building } from '../store/fixture.ts';
import { EventFollower } from '../support/event-follower.ts';

const limits = { ofTenant: 40, heartbeatMs: 150, recheckMs: 200, patienceMs: 600_000 };
let scene: ApiScene;
let token: string;
const followers: EventFollower[] = [];
const auditor = { id: 'auditor-1' };
beforeAll(async () => {
  scene = await ApiScene.open({ streamLimits: limits, limits: { atOnce: 2, waiting: 50, waitingOfTenant: 50, longestWaitMs: 60_000 } });
  token = await scene.token(auditor);
  expect((await scene.as({ id: 'ontology-admin-1' }).put('/v1/ontology', building)).status).toBe(201);
});
afterEach(async () => {
  for (const follower of followers.splice(0)) follower.cut();
  await expect.poll(() => scene.context.events.watched).toBe(0);
});
afterAll(() => scene?.close());

/** One event, committed. */
const happen = (name: string, more: { tenant?: string; padding?: string } = {}) =>
  withTenant(scene.pool, more.tenant ?? scene.tenant, async (tx) =>
    announceChange(tx, {
      type: 'switch.changed',
      subject: `switch/agent/${name}`,
      facts: { name, padding: more.padding ?? '' },
      personal: {},
    }),
  );

async function committed(): Promise<CloudEvent[]> {
  const found: CloudEvent[] = [];
  for (let after = beginning; ; ) {
    const { events, next } = await withTenant(scene.pool, scene.tenant, (tx) =>
      readEvents(tx, { tenant: scene.tenant, after, limit: 500 }),
    );
    if (next.seq === after.seq && next.ordinal === after.ordinal) return found;
    found.push(...events);
    after = next;
  }
}

async function follow(wishes: { query?: string; lastEventId?: string; token?: string } = {}): Promise<EventFollower> {
  const follower = await EventFollower.open({ url: scene.url, token, ...wishes });
  followers.push(follower);
  return follower;
}

/** What retention leaves of a tenant's events, once so many entries are old. */
async function deleteOldest(tenant: string, entries: number): Promise<void> {
  const superuser = new pg.Client({ connectionString: scene.database.urls.superuser });
  await superuser.connect();
  await superuser.query(
    `INSERT INTO exequatur.event_feed (tenant_id, deleted_seq) VALUES ($1, $2) ON CONFLICT (tenant_id) DO UPDATE SET deleted_seq = excluded.deleted_seq`,
    [tenant, entries],
  );
  await superuser.query(
    `DELETE FROM exequatur.outbox o USING exequatur.audit_entry e
      WHERE o.tenant_id = $1 AND e.tenant_id = $1 AND e.id = o.audit_entry_id AND e.seq <= $2`,
    [tenant, entries],
  );
  await superuser.end();
}

const sequences = (events: readonly CloudEvent[]) => events.map(({ sequence }) => sequence);
const read = (query = '') => scene.as(auditor).get(`/v1/events${query}`);

describe('a page of events', () => {
  it('goes on where the one before ended, to the last, whatever its size', async () => {
    for (const name of ['a', 'b', 'c']) await happen(name);
    const all = await committed();
    for (const pageSize of [1, 2, 1_000]) {
      const found: CloudEvent[] = [];
      for (let token = ''; ; ) {
        const { body } = await read(`?pageSize=${pageSize}${token && `&pageToken=${token}`}`);
        found.push(...body.events);
        token = body.nextPageToken;
        if (token === null) break;
      }
      expect(found).toEqual(all);
    }
  });

  it('holds what was asked for: a type, a prefix, a subject, a proposal, behind a time or an event', async () => {
    const { body: proposal } = await scene.as({ id: 'keeper-1' }).propose('addFloor', { name: 'F1', rooms: [] });
    await happen('d');
    const all = await committed();
    const asked = async (query: string) => (await read(query)).body.events;
    expect(await asked('?type=ontology.changed')).toEqual(all.filter(({ type }) => type === 'ontology.changed'));
    expect(await asked('?type=proposal.*')).toEqual(all.filter(({ type }) => type.startsWith('proposal.')));
    expect(await asked('?subject=switch/agent/d')).toEqual(all.slice(-1));
    expect(await asked(`?proposalId=${proposal.id}`)).toMatchObject([{ type: 'proposal.created', subject: `proposal/${proposal.id}` }]);
    expect(await asked(`?proposalId=${proposal.id}&type=ontology.*`)).toEqual([]);
    const third = all[2] as CloudEvent;
    expect(await asked(`?after=${third.sequence}`)).toEqual(all.slice(3));
    expect(sequences(await asked(`?after=${third.time}`))).toEqual(sequences(all.filter(({ time }) => time > third.time)));
    expect(await asked('?after=2999-01-01T00:00:00Z')).toEqual([]);
    expect(await asked('?after=2001-01-01T00:00:00Z')).toEqual(all);
  });

  it('is refused with a token of another question, and from a position that the log has not come to', async () => {
    const { body } = await read('?pageSize=1');
    expect(await read(`?pageSize=1&type=ontology.changed&pageToken=${body.nextPageToken}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_page_token' },
    });
    const beyond = '0000000000999999.00000001';
    expect(await read(`?after=${beyond}`)).toMatchObject({ status: 400, body: { code: 'unknown_position' } });
    for (const query of ['?after=yesterday', '?type=*.x', '?nonsense=1', '?proposalId=1']) expect((await read(query)).status).toBe(400);
    const accept = { headers: { accept: 'text/event-stream', 'last-event-id': beyond } };
    expect(await scene.as(auditor).get('/v1/events', accept)).toMatchObject({ status: 400, body: { code: 'unknown_position' } });
  });

  it('from before what is kept is refused, as a page, as a stream and by its sequence; the beginning is what is kept', async () => {
    const tenant = await scene.database.createTenant();
    for (const name of ['old', 'older', 'kept']) await happen(name, { tenant });
    const reader = scene.as({ ...auditor, tenant });
    const { body: before } = await reader.get('/v1/events?pageSize=1');
    const [first] = before.events as CloudEvent[];
    await deleteOldest(tenant, 2);
    const gone = {
      status: 410,
      mediaType: 'application/problem+json',
      body: { code: 'events_not_kept', type: 'https://exequatur.dev/problems/events_not_kept' },
    };
    expect(await reader.get(`/v1/events?after=${first?.sequence}`)).toMatchObject(gone);
    expect(await reader.get(`/v1/events?pageSize=1&pageToken=${before.nextPageToken}`)).toMatchObject(gone);
    expect(await reader.get(`/v1/events/${first?.sequence}`)).toMatchObject(gone);
    const resume = { headers: { accept: 'text/event-stream', 'last-event-id': first?.sequence ?? '' } };
    expect(await reader.get('/v1/events', resume)).toMatchObject({ ...gone, mediaType: expect.any(String) });
    expect((await reader.get('/v1/events')).body.events).toMatchObject([{ subject: 'switch/agent/kept' }]);
  });

  it('begins with the oldest that is kept, however many were deleted before it', async () => {
    const tenant = await scene.database.createTenant();
    for (let number = 0; number < 9; number++) await happen(`old${number}`, { tenant });
    for (const name of ['kept', 'last']) await happen(name, { tenant });
    const reader = scene.as({ ...auditor, tenant });
    await deleteOldest(tenant, 9);
    for (const query of ['', `&after=${positionText(beginning)}`, '&type=switch.*']) {
      const { body: first } = await reader.get(`/v1/events?pageSize=1${query}`);
      expect(first.events, query).toMatchObject([{ subject: 'switch/agent/kept' }]);
      const second = await reader.get(`/v1/events?pageSize=1${query}&pageToken=${first.nextPageToken}`);
      expect(second.body.events, query).toMatchObject([{ subject: 'switch/agent/last' }]);
    }
    const stream = await follow({ token: await scene.token({ ...auditor, tenant }), query: `?after=${positionText(beginning)}` });
    await expect.poll(() => stream.heard.map(({ subject }) => subject)).toEqual(['switch/agent/kept', 'switch/agent/last']);
  });

  it('is a CloudEvents batch for whoever asks for one, with the next page in a link', async () => {
    const accept = { headers: { accept: 'application/cloudevents-batch+json' } };
    const first = await scene.as(auditor).get('/v1/events?pageSize=2&type=switch.*', accept);
    expect(first.mediaType).toBe('application/cloudevents-batch+json');
    expect(first.body).toHaveLength(2);
    const [, next = ''] = /^<(.*)>; rel="next"$/.exec(first.headers.get('link') ?? '') ?? [];
    const second = await scene.as(auditor).get(next, accept);
    expect([...first.body, ...second.body]).toEqual((await read('?pageSize=4&type=switch.*')).body.events);
  });

  it('is of one tenant', async () => {
    const stranger = scene.as({ ...auditor, tenant: await scene.database.createTenant() });
    const [event] = await committed();
    expect((await stranger.get('/v1/events')).body).toEqual({ events: [], nextPageToken: null });
    expect((await stranger.get(`/v1/events/${event?.sequence}`)).status).toBe(404);
  });
});

describe('one event', () => {
  it('is read by its sequence, as JSON or as a CloudEvent', async () => {
    for (const event of await committed()) expect((await read(`/${event.sequence}`)).body).toEqual(event);
    const [event] = await committed();
    const answer = await scene.as(auditor).get(`/v1/events/${event?.sequence}`, { headers: { accept: 'application/cloudevents+json' } });
    expect(answer).toMatchObject({ mediaType: 'application/cloudevents+json', body: event });
    for (const no of ['0000000000000001.00000000', '0000000000000001.00000009', '0000000000999999.00000001', '1', 'x'])
      expect((await read(`/${no}`)).status, no).toBe(404);
  });
});

describe('a stream of events', () => {
  it('begins now, or where it is told to, and tells what happens within a moment', async () => {
    const before = await committed();
    const [live, whole] = [await follow(), await follow({ query: `?after=${positionText(beginning)}` })];
    await happen('e');
    await expect.poll(() => live.heard.length).toBe(1);
    await expect.poll(() => whole.heard.length).toBe(before.length + 1);
    expect(whole.heard).toEqual(await committed());
    expect(live.heard).toEqual(whole.heard.slice(-1));
    expect(live.response.headers.get('content-type')).toContain('text/event-stream');
  });

  it('cut again and again, and resumed, tells 500 events that are being written once each and in order', async () => {
    const start = (await committed()).length;
    let follower = await follow();
    await expect.poll(() => follower.lastId).toBeDefined();
    const heard: CloudEvent[] = [];
    let writing = true;
    let cuts = 0;
    const written = Promise.all(
      Array.from({ length: 5 }, async (_, writer) => {
        for (let number = 0; number < 100; number++) {
          await happen(`${writer}-${number}`);
          while (number > 20 * (cuts + 1)) await delay(5); // So that it is cut now and then, however fast this is written.
        }
      }),
    ).then(() => {
      writing = false;
    });
    while (writing) {
      const had = follower.heard.length;
      await expect.poll(() => follower.heard.length > had || !writing, { interval: 5 }).toBe(true);
      follower.cut();
      await follower.ended.catch(() => {});
      heard.push(...follower.heard);
      follower = await follow(follower.lastId === undefined ? {} : { lastEventId: follower.lastId });
      cuts++;
    }
    await written;
    const expected = sequences((await committed()).slice(start));
    await expect.poll(() => heard.length + follower.heard.length).toBeGreaterThanOrEqual(expected.length);
    expect(sequences([...heard, ...follower.heard])).toEqual(expected);
    expect(expected.length).toBe(500);
    expect(cuts).toBeGreaterThan(3);
  });

  it('tells thirty readers with hardly more looks at the database than one, and leaves room for calls', async () => {
    Object.assign(scene.context.streams.limits, { recheckMs: 3_600_000 }); // Else it would be counted how long all of this takes.
    const readers = await Promise.all(Array.from({ length: 30 }, () => follow()));
    for (const reader of readers) await expect.poll(() => reader.lastId).toBeDefined();
    let looks = 0;
    const connect = scene.pool.connect.bind(scene.pool);
    scene.pool.connect = (() => {
      looks++;
      return connect();
    }) as typeof scene.pool.connect;
    try {
      for (let number = 0; number < 20; number++) await happen(`f${number}`);
      await expect.poll(() => readers.every(({ heard }) => heard.length === 20)).toBe(true);
    } finally {
      scene.pool.connect = connect as typeof scene.pool.connect;
      Object.assign(scene.context.streams.limits, limits);
    }
    expect(looks).toBeLessThan(20 + 30 * 10); // Each by itself would look once for an event: 600, and 20 to write them.
    expect(scene.context.admission.load).toEqual({ atWork: 0, waiting: 0 });
    expect(new Set(readers.map(({ heard }) => JSON.stringify(heard))).size).toBe(1);
  });

  it('lets through what was asked for, and its heartbeats carry how far it has looked', async () => {
    const follower = await follow({ query: '?type=proposal.*' });
    await happen('g');
    const last = (await committed()).at(-1) as CloudEvent;
    await expect.poll(() => (follower.lastId ?? '') >= last.sequence).toBe(true);
    expect(follower.heard).toEqual([]);
    await expect.poll(() => follower.comments.length).toBeGreaterThan(1);
    const { body } = await scene.as({ id: 'keeper-1' }).propose('addFloor', { name: 'F2', rooms: [] });
    await expect.poll(() => follower.heard).toMatchObject([{ type: 'proposal.created', data: { proposalId: body.id } }]);
  });

  it('of another tenant tells nothing of this one', async () => {
    const tenant = await scene.database.createTenant();
    const stranger = await follow({ token: await scene.token({ ...auditor, tenant }), query: `?after=${positionText(beginning)}` });
    await happen('h');
    await happen('theirs', { tenant });
    await expect.poll(() => stranger.heard.length).toBe(1);
    expect(stranger.heard).toMatchObject([{ subject: 'switch/agent/theirs', tenant }]);
  });

  it('is refused beyond so many of one tenant, and given again once one has ended', async () => {
    const open = await Promise.all(Array.from({ length: limits.ofTenant }, () => follow()));
    const one = await follow();
    expect(one.response.status).toBe(429);
    expect(Number(one.response.headers.get('retry-after'))).toBeGreaterThan(0);
    const tenant = await scene.database.createTenant();
    expect((await follow({ token: await scene.token({ ...auditor, tenant }) })).response.status).toBe(200);
    open[0]?.cut();
    await expect.poll(async () => (await follow()).response.status).toBe(200);
  });

  it('ends with the token', async () => {
    const follower = await follow({ token: await scene.token(auditor, '2s') });
    expect(follower.response.status).toBe(200);
    await follower.ended;
    expect(follower.comments.at(-1)).toBe('the token has expired');
  });

  it('ends soon after its reader is disabled', async () => {
    const follower = await follow({ token: await scene.token({ id: 'keeper-7' }) });
    await expect.poll(() => follower.comments.length).toBeGreaterThan(0);
    expect((await scene.as({ id: 'access-admin-1' }).put('/v1/principals/keeper-7', { disabled: true })).status).toBe(200);
    await follower.ended;
    expect(follower.comments.at(-1)).toBe('the caller may no longer read');
    expect((await follow({ token: await scene.token({ id: 'keeper-7' }) })).response.status).toBe(403);
  });

  it('that is read slowly keeps nothing but its place, and loses nothing', async () => {
    const start = (await committed()).length;
    const socket = await slowReader();
    const padding = 'x'.repeat(40_000);
    for (let number = 0; number < 300; number++) await happen(`slow${number}`, { padding });
    // Twelve megabytes were written; what the process holds for the reader is a piece or two.
    expect(scene.unsentBytes()).toBeLessThan(2 * 1024 * 1024);
    let text = '';
    socket.on('data', (piece) => {
      text += piece.toString();
    });
    socket.resume();
    const told = () => [...text.matchAll(/^id: (\S+)\nevent/gm)].map(([, id]) => id);
    await expect.poll(() => told().length).toBe(300);
    expect(told()).toEqual(sequences((await committed()).slice(start)));
    socket.destroy();
  });

  it('whose reader is too slow for what is kept ends there, and is not resumed', async () => {
    const tenant = await scene.database.createTenant();
    const socket = await slowReader(await scene.token({ ...auditor, tenant }));
    const count = 300;
    for (let number = 0; number < count; number++) await happen(`late${number}`, { tenant, padding: 'x'.repeat(40_000) });
    await deleteOldest(tenant, count - 1);
    let text = '';
    socket.on('data', (piece) => {
      text += piece.toString();
    });
    socket.resume();
    await expect.poll(() => text).toContain(': what comes next is not kept any more');
    const told = [...text.matchAll(/^id: (\S+)\nevent/gm)].map(([, id]) => id);
    expect(told.length).toBeLessThan(count);
    expect(told).toEqual(told.map((_, at) => positionText({ seq: at, ordinal: 1 }))); // None is missing up to there.
    const resume = { headers: { accept: 'text/event-stream', 'last-event-id': told.at(-1) ?? positionText(beginning) } };
    expect(await scene.as({ ...auditor, tenant }).get('/v1/events', resume)).toMatchObject({ status: 410 });
    socket.destroy();
  });

  it('that is not read at all is broken off after a while', async () => {
    Object.assign(scene.context.streams.limits, { patienceMs: 500 });
    const socket = await slowReader();
    for (let number = 0; number < 300; number++) await happen(`stuck${number}`, { padding: 'x'.repeat(40_000) });
    await expect.poll(() => scene.context.events.watched).toBe(0);
    socket.destroy();
  });
});

/** Asks for the stream and takes nothing of it. */
async function slowReader(bearer = token): Promise<Socket> {
  const { hostname, port } = new URL(scene.url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET /v1/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nauthorization: Bearer ${bearer}\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  return socket;
}
