// Checkpoints among the events that readers hear, with the relay's and the API's logins; on clones from tests/support/database.ts.
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpointText, signNote } from '../../audit/signed-note.ts';
import { sealLogs, tellDueCheckpoints } from '../../events/seal-logs.ts';
import { beginning, type CloudEvent, type Position, placeOf } from '../../ontology/cloud-event.ts';
import { openPool } from '../../store/connect.ts';
import { claimKafkaLanes, laneEvents, moveLane } from '../../store/event-lanes.ts';
import { readEvent, readEvents, readHead, readPositionAt } from '../../store/read-events.ts';
import { type Tx, withTenant } from '../../store/sql.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { newSigner } from '../evidence/evidence-scene.ts';
import { type Fixture, openFixture } from '../store/fixture.ts';
import { lockWaits } from '../support/lock-waits.ts';
import { tell } from './event-scene.ts';

let fixture: Fixture;
let relay: pg.Pool;
const signer = newSigner();
const logger = openLogger('test');
beforeAll(async () => {
  fixture = await openFixture();
  relay = openPool(fixture.database.urls.relay, { max: 4 });
});
afterAll(async () => {
  await relay?.end();
  await fixture?.close();
});

const happen = (name: string) => fixture.inApi(async (tx) => tell(tx, name, { turn: 0 }));
/** Ten seconds after the one before, so that it is told at once. */
const seal = async () => {
  await fixture.database.advanceClock(10_000);
  await sealLogs({ pool: relay, signers: [signer], logger });
};
const head = () => fixture.inApi((tx) => readHead(tx, fixture.tenant));
const isCheckpoint = ({ type }: CloudEvent) => type === 'audit.checkpoint';

async function readOn(after: Position, limit = 100): Promise<{ events: CloudEvent[]; next: Position }> {
  const events: CloudEvent[] = [];
  for (let at = after; ; ) {
    const page = await fixture.inApi((tx) => readEvents(tx, { tenant: fixture.tenant, after: at, limit }));
    if (page.next.seq === at.seq && page.next.ordinal === at.ordinal) return { events, next: at };
    events.push(...page.events);
    at = page.next;
  }
}

function expectBehindWhatItCovers(events: readonly CloudEvent[]): void {
  const sequences = events.map(({ sequence }) => sequence);
  expect(sequences).toEqual([...sequences].sort());
  for (const event of events.filter(isCheckpoint)) expect(placeOf(event).seq).toBeGreaterThan(event.data?.size as number);
}

describe('a checkpoint', () => {
  it('is heard by whoever had read everything before it was made, also where nothing else happens', async () => {
    await happen('a');
    const reader = await readOn(beginning);
    const listener = await head();
    await seal();
    for (const after of [reader.next, listener]) {
      const { events } = await readOn(after);
      expect(events).toMatchObject([{ type: 'audit.checkpoint', subject: 'audit/checkpoint', partitionkey: 'audit/checkpoint' }]);
    }
    const { events } = await readOn(beginning);
    expect(events.filter(isCheckpoint)).toHaveLength(1);
    expectBehindWhatItCovers(events);
    expect((await readOn(await head())).events).toEqual([]);
    await seal(); // Of nothing new: it makes the log no longer.
    expect((await readOn(await head())).events).toEqual([]);
  });

  it('is an event like others: read alone, in pages of any size, behind any other, and from a time on', async () => {
    await fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'A' }, { code: 'B' }] });
    await seal();
    await happen('b');
    await happen('c');
    await seal();
    const { events } = await readOn(beginning);
    for (const limit of [1, 2, 3]) expect((await readOn(beginning, limit)).events).toEqual(events);
    for (const [at, event] of events.entries()) {
      const place = placeOf(event);
      expect((await readOn({ seq: place.seq - 1, ordinal: place.ordinal })).events).toEqual(events.slice(at + 1));
      expect(await fixture.inApi((tx) => readEvent(tx, fixture.tenant, event.sequence))).toEqual(event);
      const since = await fixture.inApi((tx) => readPositionAt(tx, fixture.tenant, event.time));
      expect((await readOn(since)).events).toEqual(events.filter(({ time }) => time > event.time));
    }
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  });

  it('leaves the places of a proposal’s events as they are among all', async () => {
    const { proposalId } = await fixture.done('addFloor', { name: 'F2', rooms: [{ code: 'C' }] });
    const all = (await readOn(beginning)).events.filter(({ data }) => data?.proposalId === proposalId);
    const { events } = await fixture.inApi((tx) => readEvents(tx, { tenant: fixture.tenant, proposalId, after: beginning, limit: 100 }));
    expect(events).toEqual(all);
    for (const [at, event] of events.entries()) {
      const place = placeOf(event);
      const after = { seq: place.seq - 1, ordinal: place.ordinal };
      const rest = await fixture.inApi((tx) => readEvents(tx, { tenant: fixture.tenant, proposalId, after, limit: 100 }));
      expect(rest.events).toEqual(events.slice(at + 1));
    }
  });

  it('is missed by no reader while others write and the log is sealed all the time, nor told twice or too early', {
    timeout: 60_000,
  }, async () => {
    const start = await head();
    let writing = true;
    const writers = Promise.all(
      [1, 2].map(async (writer) => {
        for (let turn = 0; turn < 40; turn++) await happen(`w${writer}-${turn}`);
      }),
    ).finally(() => {
      writing = false;
    });
    const sealers = [1, 2].map(async () => {
      while (writing) await seal();
    });
    const follow = async (limit: number) => {
      const heard: CloudEvent[] = [];
      let at = start;
      for (let last = false; ; ) {
        const { events, next } = await readOn(at, limit);
        heard.push(...events);
        at = next;
        if (last) return heard;
        last = !writing;
        if (last) await Promise.all(sealers);
      }
    };
    const heard = await Promise.all([follow(1), follow(7), follow(100)]);
    await writers;
    const all = (await readOn(start)).events;
    for (const events of heard) expect(events).toEqual(all);
    expectBehindWhatItCovers(all);
    expect(all.filter(isCheckpoint).length).toBeGreaterThan(1); // How many depends on how busy the machine is.
    expect(all.filter(({ type }) => type === 'switch.changed').length).toBe(80);
  });

  it('that is being made keeps the next entry waiting, so that no reader is past its place', async () => {
    const tenant = await fixture.database.createTenant();
    const inTenant = <T>(work: (tx: Tx) => Promise<T>) => withTenant(fixture.api, tenant, work);
    const heard = () => inTenant((tx) => readEvents(tx, { tenant, after: beginning, limit: 10 }));
    await inTenant(async (tx) => tell(tx, 'first', { turn: 0 }));
    const sealer = await relay.connect();
    try {
      await sealer.query('BEGIN');
      const root = Buffer.alloc(32);
      const note = await signNote(checkpointText(`x/${tenant}`, 1, root), [signer]);
      await sealer.query("SELECT exequatur.store_checkpoint($1::uuid, 1, $2, $3, '[]')", [tenant, root, note]);
      let isWritten = false;
      const next = inTenant(async (tx) => tell(tx, 'second', { turn: 0 })).then(() => {
        isWritten = true;
      });
      await expect.poll(() => lockWaits(relay)).not.toEqual([]);
      expect([isWritten, (await heard()).events.length]).toEqual([false, 1]);
      await sealer.query('COMMIT');
      await next;
    } finally {
      sealer.release();
    }
    expect((await heard()).events.map(({ type }) => type)).toEqual(['switch.changed', 'audit.checkpoint', 'switch.changed']);
  });

  it('of a busy log is told once in ten seconds, and the newest once they are over', async () => {
    await seal();
    const start = await head();
    const told = async () => (await readOn(start)).events.filter(isCheckpoint).map(({ data }) => data?.size);
    const sizes: number[] = [];
    const busy = async () => {
      await happen('busy');
      await sealLogs({ pool: relay, signers: [signer], logger });
      await tellDueCheckpoints(relay);
      sizes.push((await head()).seq);
    };
    await fixture.database.advanceClock(10_000);
    for (let at = 0; at < 4; at++) await busy();
    expect(await told()).toEqual([sizes[0]]);
    await fixture.database.advanceClock(10_000);
    await Promise.all([tellDueCheckpoints(relay), tellDueCheckpoints(relay)]); // Of two relays.
    expect(await told()).toEqual([sizes[0], sizes[3]]);
    await fixture.database.advanceClock(10_000);
    await tellDueCheckpoints(relay);
    expect(await told()).toEqual([sizes[0], sizes[3]]);
    await busy();
    expect(await told()).toEqual([sizes[0], sizes[3], sizes[4]]);
    expectBehindWhatItCovers((await readOn(beginning)).events);
  });

  it('makes a lane that had come to the end due again, once', async () => {
    await happen('d');
    const claimant = '00000000-0000-4000-8000-000000000001';
    const drain = async () => {
      const told: CloudEvent[] = [];
      for (;;) {
        const [lane] = await claimKafkaLanes(relay, { claimant, limit: 1, leaseMs: 60_000 });
        if (lane === undefined) return told;
        const { events, next } = await laneEvents(relay, lane, lane, { limit: 500, bytes: 1e9 });
        told.push(...events);
        await moveLane(relay, lane, next, null);
      }
    };
    await drain();
    expect(await drain()).toEqual([]);
    await seal();
    expect((await drain()).map(({ type }) => type)).toEqual(['audit.checkpoint']);
    expect(await drain()).toEqual([]);
  });
});
