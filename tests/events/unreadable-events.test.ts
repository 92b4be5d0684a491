// Rows that no login of the product can write, among the events of a tenant; on a clone from tests/support/database.ts. What is sent is written down.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventSink } from '../../events/event-sink.ts';
import { beginning, type CloudEvent } from '../../ontology/cloud-event.ts';
import { type HoldResolution, listHeldEvents, resolveHeldEvent } from '../../store/held-events.ts';
import { listEvents } from '../../store/list-events.ts';
import { readPositionAt } from '../../store/read-events.ts';
import { caller, expectDone } from '../store/fixture.ts';
import { writeUntold } from '../support/write-untold.ts';
import { EventScene, idsByKey } from './event-scene.ts';

let scene: EventScene;
let sent: CloudEvent[];
const sink: EventSink = {
  publish: async (events) => void sent.push(...events),
  close: async () => {},
};
beforeEach(async () => {
  sent = [];
  scene = await EventScene.open('127.0.0.1:1'); // Kafka is not asked.
});
afterEach(() => scene?.close());

const spoil = (text: string) => writeUntold(scene.fixture.database, text, [scene.fixture.tenant]);
/** A row more of entry 2, the last of its own. */
const insert = (type: string, data: string) =>
  spoil(`INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
         SELECT tenant_id, 'ffffffff-ffff-4fff-8fff-ffffffffffff', id, '${type}', 'poison', '${data}', now() FROM exequatur.audit_entry WHERE tenant_id = $1 AND seq = 2`);
const holds = () => scene.fixture.inApi((tx) => listHeldEvents(tx));
const list = () => scene.fixture.inApi((tx) => listEvents(tx, scene.fixture.tenant, { after: beginning, pageSize: 100 }));

async function decide(choice: HoldResolution): Promise<void> {
  const [held] = await holds();
  const wish = { eventId: held?.id ?? '', choice, reason: 'somebody looked', by: caller('operator-1') };
  expectDone(await scene.fixture.inApi((tx) => resolveHeldEvent(tx, wish, scene.fixture.deps)));
  await scene.publishAll(sink);
}

describe('what cannot be told', () => {
  it.each([
    ['changes of no execution', 'object.changes', '{"executionId": "none"}'],
    ['changes without an execution', 'object.changes', '{}'],
    ['a checkpoint of no size', 'audit.checkpoint', '{"size": "x"}'],
    ['data that are no object', 'switch.changed', '"x"'],
  ])('is held for itself until somebody leaves it out, while all others are read and sent: %s', async (_, type, data) => {
    await scene.announce(['a', 'b'], 3, { each: 1 });
    const before = await scene.stored();
    await insert(type, data);
    expect(await scene.stored()).toEqual(before);
    expect(expectDone(await list()).events).toEqual(before);
    expect(await scene.fixture.inApi((tx) => readPositionAt(tx, scene.fixture.tenant, '2999-01-01'))).toMatchObject({ ordinal: 0 });

    await scene.publishAll(sink);
    expect(idsByKey(sent)).toEqual(idsByKey(before));
    const held = await holds();
    expect(held).toMatchObject([{ type, reason: expect.stringContaining('cannot be read'), resolution: null }]);
    expect(before.map(({ partitionkey }) => partitionkey)).not.toContain(held[0]?.key);
    for (const inVain of ['retry', 'reference'] as const) {
      await decide(inVain);
      expect(await holds()).toMatchObject([{ id: held[0]?.id, resolution: null }]);
    }
    await decide('skip');
    expect(await holds()).toEqual([]);
    expect(idsByKey(sent)).toEqual(idsByKey(await scene.stored()));
  });

  it.each([
    [
      'its row names no execution',
      `UPDATE exequatur.outbox SET data = '{"executionId": "none"}' WHERE tenant_id = $1 AND type = 'object.changes'`,
    ],
    ['its row says nothing', `UPDATE exequatur.outbox SET data = '"x"' WHERE tenant_id = $1 AND type = 'object.changes'`],
    [
      'its row names another',
      `UPDATE exequatur.outbox SET data = data || '{"executionId": "00000000-0000-4000-8000-000000000001"}' WHERE tenant_id = $1 AND type = 'object.changes'`,
    ],
    ['its time is without end', `UPDATE exequatur.outbox SET created_at = 'infinity' WHERE tenant_id = $1 AND type = 'object.changes'`],
    [
      'its time is another',
      `UPDATE exequatur.outbox SET created_at = created_at - interval '1 second' WHERE tenant_id = $1 AND type = 'object.changes'`,
    ],
  ])('of an execution is told by what history has of it: %s', async (_, spoilt) => {
    await scene.fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'R1' }, { code: 'R2' }] });
    const whole = await scene.stored();
    expect(whole.filter(({ type }) => type.startsWith('object.'))).toHaveLength(3);
    await spoil(spoilt);
    expect(await scene.stored()).toEqual(whole);
    await scene.publishAll(sink);
    expect(idsByKey(sent)).toEqual(idsByKey(whole));
    expect(await holds()).toEqual([]);
  });

  it('of changes in the middle of an execution holds their own objects, and readers and publishers get the rest', async () => {
    const rooms = Array.from({ length: 6 }, (_, at) => ({ code: `R${at}` }));
    await scene.fixture.done('addFloor', { name: 'F1', rooms });
    const whole = await scene.stored();
    const changes = whole.filter(({ type }) => type.startsWith('object.'));
    const [, , , poisoned] = changes;
    await spoil(`UPDATE exequatur.object_history SET set = jsonb_build_array(set) WHERE tenant_id = $1 AND ordinal = 4`);
    const rest = whole.filter(({ id }) => id !== poisoned?.id);
    expect(await scene.stored()).toEqual(rest);
    for (const pageSize of [1, 2, 3, 4, 100]) {
      const read: CloudEvent[] = [];
      for (let pageToken: string | undefined; ; ) {
        const page = expectDone(
          await scene.fixture.inApi((tx) =>
            listEvents(tx, scene.fixture.tenant, { after: beginning, pageSize, ...(pageToken === undefined ? {} : { pageToken }) }),
          ),
        );
        read.push(...page.events);
        if (page.nextPageToken === null) break;
        pageToken = page.nextPageToken;
      }
      expect(read).toEqual(rest);
    }
    await scene.publishAll(sink);
    expect(idsByKey(sent)).toEqual(idsByKey(rest));
    expect(await holds()).toMatchObject([{ id: poisoned?.id, type: 'object.created', key: poisoned?.partitionkey, resolution: null }]);

    await spoil(`UPDATE exequatur.object_history SET set = set -> 0 WHERE tenant_id = $1 AND jsonb_typeof(set) = 'array'`);
    await decide('retry');
    expect(await holds()).toEqual([]);
    const stored = await scene.stored();
    expect(stored).toEqual(expect.arrayContaining(whole));
    expect(idsByKey(sent)).toEqual(idsByKey(stored));
  });

  it('of an execution whose entry is at a time without end holds each of its objects, whose later events wait for it', async () => {
    await scene.fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'R1' }] });
    const changes = (await scene.stored()).filter(({ type }) => type.startsWith('object.'));
    await spoil(`UPDATE exequatur.audit_entry SET at = 'infinity' WHERE tenant_id = $1 AND type = 'proposal.executed'`);
    await scene.announce(['a'], 2);
    await scene.publishAll(sink);
    expect(sent.filter(({ type }) => type.startsWith('object.'))).toEqual([]);
    expect(sent.filter(({ subject }) => subject === 'switch/a')).toHaveLength(2);
    const keys = (await holds()).map(({ key }) => key);
    for (const { partitionkey } of changes) expect(keys).toContain(partitionkey);
  });

  it('of an entry at a time without end waits with the later events of its keys, which follow in order once it is mended', async () => {
    await scene.announce(['a', 'b'], 1, { each: 1 });
    await spoil(
      `UPDATE exequatur.audit_entry SET at = 'infinity' WHERE tenant_id = $1 AND seq = (SELECT max(seq) FROM exequatur.audit_entry WHERE tenant_id = $1)`,
    );
    await scene.announce(['a', 'b'], 2, { each: 1 });
    await scene.publishAll(sink);
    const [held] = await holds();
    expect(sent.filter(({ partitionkey }) => partitionkey === held?.key)).toEqual([]);
    expect(await holds()).toHaveLength(1);
    await spoil(`UPDATE exequatur.audit_entry SET at = now() WHERE tenant_id = $1 AND at = 'infinity'`);
    await decide('retry');
    expect(await holds()).toEqual([]);
    expect(idsByKey(sent)).toEqual(idsByKey(await scene.stored()));
  });
});
