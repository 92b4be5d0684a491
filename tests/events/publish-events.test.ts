// Publishing to a real broker: tests/support/kafka.ts, tests/support/database.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventSink } from '../../events/event-sink.ts';
import { sealLogs } from '../../events/seal-logs.ts';
import { type HoldResolution, listHeldEvents, resolveHeldEvent } from '../../store/held-events.ts';
import { readCheckpoint } from '../../store/read-log.ts';
import { withTenant } from '../../store/sql.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { newSigner } from '../evidence/evidence-scene.ts';
import { caller, expectDone } from '../store/fixture.ts';
import { kafkaClient, Notebook } from '../support/kafka.ts';
import { EventScene, idsByKey, tell } from './event-scene.ts';

let scene: EventScene;
let notebook: Notebook | undefined;
beforeEach(async () => {
  scene = await EventScene.open();
});
afterEach(async () => {
  await notebook?.close();
  notebook = undefined;
  await scene?.close();
});

/** Waits until the consumer has at least as many different events as there are; then compares all of them, in the order of each key. */
async function expectAllReceived(): Promise<void> {
  const stored = await scene.stored();
  notebook ??= await Notebook.open(scene.topic);
  const { received } = notebook;
  const ids = () => new Set(received.map(({ headers }) => headers.ce_id)).size;
  await expect.poll(ids).toBe(stored.length);
  expect(notebook.firstByKey()).toEqual(idsByKey(stored));
}

describe('published events', () => {
  it('are CloudEvents in binary mode, keyed by proposal or object, all of them', async () => {
    const { fixture } = scene;
    const settled = await fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'A', seats: 4 }, { code: 'B' }] });
    await scene.publishAll();
    await expectAllReceived();
    const room = notebook?.received.find(({ key }) => key === 'room/A');
    expect(room).toMatchObject({
      headers: {
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_type: 'object.created',
        ce_source: `urn:exequatur:tenant:${fixture.tenant}`,
        ce_subject: 'object/room/A',
        ce_tenant: fixture.tenant,
      },
      data: { type: 'room', id: 'A', version: 1, set: { code: 'A', seats: 4, floor: 'F1', status: 'open' } },
    });
    const ofProposal = notebook?.received.filter(({ key }) => key === settled.proposalId) ?? [];
    const types = new Map(ofProposal.map(({ headers }) => [headers.ce_id, headers.ce_type])); // A broker that is slow to answer is sent some twice.
    expect([...types.values()]).toEqual([
      'proposal.created',
      'proposal.simulated',
      'proposal.approved',
      'proposal.executing',
      'proposal.executed',
    ]);
  });

  it('are sent again with the ids they had by a relay that died between sending and noting it', async () => {
    await scene.announce(['a', 'b'], 50);
    const dying: EventSink = {
      async publish(events) {
        await scene.sink.publish(events);
        throw new Error('killed here');
      },
      close: async () => {},
    };
    await expect(scene.publishAll(dying)).rejects.toThrow('killed here');
    await scene.publishAll();
    await expectAllReceived();
    expect(notebook?.received.length).toBeGreaterThan((await scene.stored()).length);
  });

  it('tell of each checkpoint of the log, behind everything that it covers', async () => {
    const signer = newSigner();
    await scene.announce(['a', 'b'], 30, { each: 1 });
    await sealLogs({ pool: scene.relay, signers: [signer], logger: openLogger('test') });
    await scene.announce(['a'], 3); // What comes after it may be published beside it.
    await scene.publishAll();
    await expectAllReceived();
    const sealed = await scene.fixture.inApi((tx) => readCheckpoint(tx, []));
    const { received } = notebook as Notebook;
    const checkpoint = received.find(({ headers }) => headers.ce_type === 'audit.checkpoint');
    expect(checkpoint).toMatchObject({ key: 'audit/checkpoint', data: { size: sealed?.size, note: sealed?.note } });
    const sequence = checkpoint?.headers.ce_sequence ?? '';
    const [size = 0] = sequence.split('.').map(Number);
    expect(size).toBe((sealed?.size ?? 0) + 1);
  });

  it('miss none whose transaction wrote first and committed last', async () => {
    const { fixture } = scene;
    let commit = () => {};
    let isWritten = () => {};
    const written = new Promise<void>((resolve) => {
      isWritten = resolve;
    });
    const slow = withTenant(fixture.api, fixture.tenant, async (tx) => {
      tell(tx, 'slow', { turn: 0 });
      await tx.rows('SELECT 1'); // Its row is in the outbox.
      isWritten();
      await new Promise<void>((resolve) => {
        commit = resolve;
      });
    });
    await written;
    await scene.announce(['fast'], 20);
    await scene.publishAll();
    commit();
    await slow;
    await scene.publishAll();
    await expectAllReceived();
    expect(notebook?.firstByKey().get('switch/slow')).toHaveLength(1);
  });
});

describe('an event that the broker does not take', () => {
  it('is published without its data where these are too large, and says where they are', async () => {
    await scene.announce(['small'], 5);
    await scene.announce(['large'], 1, { padding: 'x'.repeat(1_500_000) });
    await scene.announce(['large', 'small'], 5);
    await scene.publishAll();
    await expectAllReceived();
    const [large] = notebook?.received.filter(({ key }) => key === 'switch/large') ?? [];
    expect(large?.data).toBeNull();
    expect(large?.headers.ce_dataref).toBe(`/v1/events/${large?.headers.ce_sequence}`);
  });

  it('holds its own key alone, until an operator has it tried again', async () => {
    await refuseLongKeys();
    const long = 'x'.repeat(200);
    await scene.announce([long, 'short'], 3);
    await scene.publishAll();
    await scene.announce([long, 'short'], 3);
    await scene.publishAll();
    notebook = await Notebook.open(scene.topic);
    const keys = () =>
      [...(notebook?.firstByKey() ?? [])].map(([key, ids]) => [key, ids.length]).filter(([key]) => `${key}`.startsWith('switch/'));
    await expect.poll(keys).toEqual([['switch/short', 6]]);
    expect(await holds()).toMatchObject([{ key: `switch/${long}`, type: 'switch.changed', reason: 'MESSAGE_TOO_LARGE' }]);

    await decide('retry'); // In vain: the broker is as it was.
    await scene.publishAll();
    expect(await holds()).toMatchObject([{ key: `switch/${long}`, resolution: null }]);
    await takeLongKeys();
    await decide('retry');
    await scene.publishAll();
    expect(await holds()).toEqual([]);
    await expectAllReceived();
  });

  it('is left out when an operator says so, and what waited behind it is published', async () => {
    await refuseLongKeys();
    const long = 'x'.repeat(200);
    await scene.announce([long], 1);
    await scene.publishAll();
    const [first] = await holds();
    await takeLongKeys();
    await scene.announce([long], 2);
    await scene.publishAll();
    await decide('skip');
    await scene.publishAll();
    expect(await holds()).toEqual([]);
    const stored = await scene.stored();
    notebook = await Notebook.open(scene.topic);
    const received = () => notebook?.firstByKey().get(`switch/${long}`);
    const expected = stored.filter(({ partitionkey, id }) => partitionkey === `switch/${long}` && id !== first?.id).map(({ id }) => id);
    await expect.poll(received).toEqual(expected);
  });
});

/** By a limit between that of an event with a short key and one with a long key. */
async function refuseLongKeys(): Promise<void> {
  await scene.sink.publish((await scene.stored()).slice(0, 1)); // Makes the topic.
  await limitRecords('900');
}

const takeLongKeys = () => limitRecords('1048588');

async function limitRecords(bytes: string): Promise<void> {
  const admin = kafkaClient().admin();
  await admin.connect();
  const entry = { name: 'max.message.bytes', value: bytes };
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: scene.topic, configEntries: [entry] }] });
  await admin.disconnect();
}

const holds = () => scene.fixture.inApi((tx) => listHeldEvents(tx));

/** An operator does, of the only one there is. */
async function decide(choice: HoldResolution): Promise<void> {
  const [held] = await holds();
  const wish = { eventId: held?.id ?? '', choice, reason: 'the topic takes more now', by: caller('operator-1') };
  expectDone(await scene.fixture.inApi((tx) => resolveHeldEvent(tx, wish, scene.fixture.deps)));
}
