import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verified } from '../events/webhook-receiver.ts';
import { WebhookScene } from '../events/webhook-scene.ts';
import { type KillableProcess, startKillable } from '../support/killable-process.ts';
import { temporalAddress } from '../support/temporal.ts';

// On the run's servers: tests/support/database.ts, tests/support/temporal.ts. The relay as it is deployed, and an endpoint that holds its answers back.
let scene: WebhookScene;
let relay: KillableProcess | undefined;
beforeEach(async () => {
  scene = await WebhookScene.open();
});
afterEach(async () => {
  await relay?.stop();
  await scene?.close();
});

describe('a relay process killed with kill -9', () => {
  it('after an endpoint took an event and before that was marked sends it again under its id, and skips none', async () => {
    const secret = await scene.subscribe('shop', { filter: { types: ['object.created'] } });
    const rooms = Array.from({ length: 20 }, (_, n) => ({ code: `R${String(n).padStart(2, '0')}`, seats: n }));
    await scene.fixture.done('addFloor', { name: 'F1', rooms });
    const never = new Promise(() => {});
    let holds = [3, 8];
    scene.receiver.behaviour = (_, n) => (holds.includes(n) ? { after: never } : undefined);
    relay = startKillable('relay', 'events/relay.ts', {
      EXEQUATUR_RELAY_DATABASE_URL: scene.fixture.database.urls.relay,
      EXEQUATUR_RELAY_METRICS_PORT: '0',
      EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: '127.0.0.1',
      EXEQUATUR_SECRETS_KEY: Buffer.alloc(32, 9).toString('base64'),
      TEMPORAL_ADDRESS: temporalAddress(),
      EXEQUATUR_TASK_QUEUE: 'killed-webhook-relay',
    });
    for (const held of [...holds]) {
      await scene.untilReceived('/shop', held + 1); // It is there, and its relay does not know.
      relay.kill();
      await expect.poll(() => relay?.failures()).toBe(held === 3 ? 1 : 2);
      holds = holds.filter((one) => one > held);
      await scene.leaseOver();
    }
    await scene.untilCaughtUp('shop');
    const got = scene.receiver.at('/shop').map((one) => verified(secret, one));
    const created = (await scene.events()).filter(({ type }) => type === 'object.created');
    expect(got.length).toBe(created.length + 2);
    expect(got.filter(({ id }, at) => got.findIndex((one) => one.id === id) === at)).toEqual(created);
    expect([got[4]?.id, got[9]?.id]).toEqual([got[3]?.id, got[8]?.id]);
  });
});
