// Lanes whose sink takes its time, or takes little at once, on a database from tests/support/database.ts.
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EventSink, EventsRefused } from '../../events/event-sink.ts';
import { EventPublisher } from '../../events/publish-events.ts';
import type { CloudEvent } from '../../ontology/cloud-event.ts';
import { listHeldEvents, resolveHeldEvent } from '../../store/held-events.ts';
import { caller, expectDone } from '../store/fixture.ts';
import { EventScene, idsByKey } from './event-scene.ts';

let scene: EventScene;
beforeEach(async () => {
  scene = await EventScene.open('127.0.0.1:1'); // Kafka is not asked.
});
afterEach(() => scene?.close());

/** Takes one event at once, as a broker with little room does, and may be slow at it, or do something before it takes an event. */
class NarrowSink implements EventSink {
  readonly taken: CloudEvent[] = [];
  private readonly eachMs: number;
  private readonly before: (taken: number) => void;

  constructor({ eachMs = 0, before = () => {} }: { eachMs?: number; before?: (taken: number) => void } = {}) {
    this.eachMs = eachMs;
    this.before = before;
  }

  async publish(events: readonly CloudEvent[]): Promise<void> {
    await delay(this.eachMs);
    if (events.length > 1) throw new EventsRefused('MESSAGE_TOO_LARGE');
    this.before(this.taken.length);
    this.taken.push(...events);
  }

  async close(): Promise<void> {}
}

const leaseMs = 4_000; // Somebody who is alive, on a machine that is busy, claims anew within it.

const publisher = (sink: EventSink, lastsMs: number, signal?: AbortSignal) =>
  new EventPublisher({ pool: scene.relay, sink, leaseMs: lastsMs, ...(signal && { signal }) });

const holds = () => scene.fixture.inApi((tx) => listHeldEvents(tx));

async function isBehind(): Promise<boolean> {
  return ((await scene.relay.query('SELECT FROM exequatur.event_backlog() b WHERE b.entries > 0')).rowCount ?? 0) > 0;
}

/** Rounds of relays side by side, each as often as relays ask while events flow. */
async function publishAll(relays: readonly EventPublisher[], isDone: () => Promise<boolean>): Promise<void> {
  while (!(await isDone())) {
    for (const relay of relays) await relay.round();
    await delay(10);
  }
  await Promise.all(relays.map((relay) => relay.settle()));
}

async function expectEachOnce(sink: NarrowSink): Promise<void> {
  expect(sink.taken).toHaveLength((await scene.stored()).length);
  expect(idsByKey(sink.taken)).toEqual(idsByKey(await scene.stored()));
}

describe('a lane', () => {
  it.each([
    { what: 'a batch together takes', eachMs: 160, events: 30 },
    { what: 'a single event takes', eachMs: 6_000, events: 1 },
  ])('gets on, and nobody else begins it meanwhile, when $what longer than a claim lasts', async ({ eachMs, events }) => {
    await scene.announce(['a'], events);
    const sink = new NarrowSink({ eachMs });
    const relays = [publisher(sink, leaseMs), publisher(sink, leaseMs)];
    await publishAll(relays, async () => !(await isBehind()));
    await expectEachOnce(sink);
  });

  it('goes on behind what was taken when a broker goes away between the parts of a batch', async () => {
    await scene.announce(['a', 'b'], 10);
    let isAway = true;
    const sink = new NarrowSink({
      before(taken) {
        if (taken === 5 && isAway) {
          isAway = false;
          throw new Error('the connection was closed');
        }
      },
    });
    await scene.publishAll(sink).catch(() => {}); // It says that it failed.
    await scene.publishAll(sink);
    await expectEachOnce(sink);
  });

  it('is free for others at once when its relay is told to end between the parts of a batch', async () => {
    await scene.announce(['a'], 10);
    const ending = new AbortController();
    const sink = new NarrowSink({
      before(taken) {
        if (taken === 2) ending.abort();
      },
    });
    const relay = publisher(sink, 3_600_000, ending.signal);
    await relay.round();
    await relay.settle();
    expect(sink.taken).toHaveLength(3);
    await scene.publishAll(sink);
    await expectEachOnce(sink);
  });

  it('stays claimed while a key catches up for longer than a claim lasts', async () => {
    await scene.announce(['a'], 12);
    const refusing: EventSink = {
      publish: () => Promise.reject(new EventsRefused('INVALID_RECORD')),
      close: async () => {},
    };
    await scene.publishAll(refusing);
    for (const { id } of await holds()) {
      const wish = { eventId: id, choice: 'retry', reason: 'the topic takes it now', by: caller('operator-1') } as const;
      expectDone(await scene.fixture.inApi((tx) => resolveHeldEvent(tx, wish, scene.fixture.deps)));
    }
    const sink = new NarrowSink({ eachMs: 400 });
    const relays = [publisher(sink, leaseMs), publisher(sink, leaseMs)];
    await publishAll(relays, async () => !(await isBehind()) && (await holds()).length === 0);
    await expectEachOnce(sink);
  });
});
