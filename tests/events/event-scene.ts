import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { EventSink } from '../../events/event-sink.ts';
import { KafkaSink } from '../../events/kafka-sink.ts';
import { EventPublisher } from '../../events/publish-events.ts';
import { beginning, type CloudEvent } from '../../ontology/cloud-event.ts';
import { announceChange } from '../../store/announce-change.ts';
import { openPool } from '../../store/connect.ts';
import { readEvents } from '../../store/read-events.ts';
import { type Tx, withTenant } from '../../store/sql.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { type Fixture, openFixture } from '../store/fixture.ts';
import { kafkaBrokers } from '../support/kafka.ts';

/** Tenants whose events are published to a topic of one test's own, with the relay's login. */
export class EventScene {
  readonly topic = `events-${randomUUID()}`;
  readonly fixture: Fixture;
  readonly relay: pg.Pool;
  readonly sink: KafkaSink;

  private constructor(fixture: Fixture, brokers: string) {
    this.fixture = fixture;
    this.relay = openPool(fixture.database.urls.relay, { max: 8 });
    this.sink = new KafkaSink({ brokers: [brokers], topic: this.topic, partitions: 3 }, openLogger('test'));
  }

  static async open(brokers = kafkaBrokers()): Promise<EventScene> {
    return new EventScene(await openFixture(), brokers);
  }

  /** Of a tenant that is there. Its fixture stays open. */
  static over(fixture: Fixture): EventScene {
    return new EventScene({ ...fixture, close: async () => {} }, kafkaBrokers());
  }

  async close(): Promise<void> {
    await this.sink.close();
    await this.relay.end();
    await this.fixture.close();
  }

  /** Rounds of one relay until nothing is left. */
  async publishAll(sink: EventSink = this.sink): Promise<void> {
    const publisher = new EventPublisher({ pool: this.relay, sink, leaseMs: 5_000 }); // A busy machine notes within it what it has sent, which would be sent again otherwise.
    const isBehind = async () =>
      ((await this.relay.query('SELECT FROM exequatur.event_backlog() b WHERE b.entries > 0')).rowCount ?? 0) > 0;
    let more = true;
    do {
      more = await publisher.round();
      await publisher.settle();
    } while (more || (await isBehind())); // A lane whose claimant has died is free again when its claim runs out.
  }

  /** So many changes of each of these switches in turn, as far as their events tell: several to a transaction. */
  async announce(
    switches: readonly string[],
    count: number,
    { tenant = this.fixture.tenant, each = 100, padding = '' } = {},
  ): Promise<void> {
    for (let first = 0; first < count; first += each) {
      await withTenant(this.fixture.api, tenant, async (tx) => {
        for (let turn = first; turn < Math.min(count, first + each); turn++) for (const name of switches) tell(tx, name, { turn, padding });
      });
    }
  }

  /** All events of a tenant, as a reader of the API gets them. */
  async stored(tenant = this.fixture.tenant): Promise<CloudEvent[]> {
    const all: CloudEvent[] = [];
    for (let after = beginning; ; ) {
      const page = await withTenant(this.fixture.api, tenant, (tx) => readEvents(tx, { tenant, after, limit: 2_000 }));
      if (page.next.seq === after.seq && page.next.ordinal === after.ordinal) return all;
      all.push(...page.events);
      after = page.next;
    }
  }
}

export function tell(tx: Tx, name: string, facts: { turn: number; padding?: string }): void {
  const change = { type: 'switch.changed', subject: `switch/${name}`, personal: {} } as const;
  announceChange(tx, { ...change, facts: { turn: facts.turn }, data: facts });
}

/** Ids by key, in order. */
export function idsByKey(events: readonly CloudEvent[]): Map<string, string[]> {
  const byKey = new Map<string, string[]>();
  for (const { partitionkey, id } of events) {
    const ids = byKey.get(partitionkey);
    if (ids === undefined) byKey.set(partitionkey, [id]);
    else ids.push(id);
  }
  return byKey;
}
