import { expect } from 'vitest';
import { sealLogs } from '../../events/seal-logs.ts';
import type { CloudEvent } from '../../ontology/cloud-event.ts';
import { erasePersonalData } from '../../store/erase-personal-data.ts';
import { listHeldEvents, resolveHeldEvent } from '../../store/held-events.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { askForTest } from '../../store/webhook-requests.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { newSigner } from '../evidence/evidence-scene.ts';
import { admin, caller, expectDone, type Fixture } from '../store/fixture.ts';
import { kafkaClient, Notebook, type Received } from '../support/kafka.ts';
import { EventScene } from './event-scene.ts';
import type { ReceivedWebhook } from './webhook-receiver.ts';
import { WebhookScene } from './webhook-scene.ts';

/** All events of tenants, by each way on which they are told. */
export interface Told {
  paged: CloudEvent[];
  records: Received[];
  requests: ReceivedWebhook[];
}

/** Erases somebody, tests one subscription and loses another, seals the log; then hears everything that the tenant tells from its beginning on, by a topic and an endpoint. */
export async function hearAll(fixture: Fixture): Promise<Told> {
  const [webhooks, kafka] = [await WebhookScene.over(fixture), EventScene.over(fixture)];
  let notebook: Notebook | undefined;
  try {
    await eraseSomebody(fixture);
    await webhooks.subscribe('all', { from: 'beginning' });
    await webhooks.subscribe('lost', { filter: { types: ['audit.checkpoint'] } });
    webhooks.receiver.behaviour = ({ path }) => (path === '/lost' ? { status: 410 } : undefined);
    await sealLogs({ pool: webhooks.relay, signers: [newSigner()], logger: openLogger('test') });
    expectDone(await fixture.inApi((tx) => askForTest(tx, { name: 'all', by: admin }, fixture.deps)));
    const relay = webhooks.deliver();
    await expect.poll(async () => (await webhooks.view('lost')).disabled).toMatchObject({ reason: 'gone' });
    await expect.poll(() => webhooks.receiver.at('/all').some(({ event }) => event.type === 'subscription.test')).toBe(true);
    await webhooks.untilCaughtUp('all');
    await relay.stop();
    await kafka.publishAll();
    const paged = await kafka.stored();
    notebook = await Notebook.open(kafka.topic);
    const { received: records } = notebook;
    await expect.poll(() => new Set(records.map(({ headers }) => headers.ce_id)).size).toBe(paged.length);
    return { paged, records, requests: webhooks.receiver.at('/all') };
  } finally {
    await notebook?.close();
    await kafka.close();
    await webhooks.close();
  }
}

async function eraseSomebody({ inApi, deps }: Fixture): Promise<void> {
  const by = caller('access-admin-1');
  expectDone(await inApi((tx) => putPrincipal(tx, { id: 'gone-1', change: { disabled: true }, by }, deps)));
  expectDone(await inApi((tx) => erasePersonalData(tx, { id: 'gone-1', reason: 'asked for', by }, deps)));
}

/** Makes an object whose key is too long for the broker, and has an operator say that its event is tried again. */
export async function holdAndResolve(): Promise<CloudEvent[]> {
  const scene = await EventScene.open();
  const { inApi, deps } = scene.fixture;
  try {
    await scene.sink.publish((await scene.stored()).slice(0, 1)); // Makes the topic.
    const kafka = kafkaClient().admin();
    await kafka.connect();
    const configEntries = [{ name: 'max.message.bytes', value: '900' }]; // Between an event with a short key and one with a long one.
    await kafka.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: scene.topic, configEntries }] });
    await kafka.disconnect();
    await scene.fixture.done('addFloor', { name: 'x'.repeat(200), rooms: [] });
    await scene.publishAll();
    const [held] = await inApi((tx) => listHeldEvents(tx));
    const wish = { eventId: held?.id ?? '', choice: 'retry', reason: 'the topic takes more now', by: caller('operator-1') } as const;
    expectDone(await inApi((tx) => resolveHeldEvent(tx, wish, deps)));
    return await scene.stored();
  } finally {
    await scene.close();
  }
}
