import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type KafkaBroker, startKafkaBroker } from '../../../scripts/kafka/kafka-broker.ts';
import { EventScene, idsByKey } from '../../events/event-scene.ts';
import { kafkaClient, Notebook } from '../../support/kafka.ts';
import { type KillableProcess, startKillable } from '../../support/killable-process.ts';

// A broker of the test's own, which is killed; tenants on a clone from tests/support/database.ts. Temporal is away all the time: events do not need it.
const events = Number(process.env.EXEQUATUR_CHAOS_EVENTS ?? 6_000);
const tenantsCount = 3;
const switches = Array.from({ length: 20 }, (_, at) => `switch-${at}`);
const limitMs = 120_000 + events * 6;
const mostMiB = 400; // Of each relay, whatever waits; it starts with some 200.

let scene: EventScene;
let broker: KafkaBroker;
let relays: KillableProcess[];
let directory: string;
const fired: Record<string, number> = {};
const fire = (fault: string) => {
  fired[fault] = (fired[fault] ?? 0) + 1;
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'kafka-'));
  broker = await startKafkaBroker({ directory });
  scene = await EventScene.open(broker.address);
  relays = [1, 2].map((number) =>
    startKillable(`relay-${number}`, 'events/relay.ts', {
      EXEQUATUR_RELAY_DATABASE_URL: scene.fixture.database.urls.relay,
      EXEQUATUR_RELAY_METRICS_PORT: '0',
      EXEQUATUR_KAFKA_BROKERS: broker.address,
      EXEQUATUR_KAFKA_TOPIC: scene.topic,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    }),
  );
});

afterAll(async () => {
  await Promise.all((relays ?? []).map((relay) => relay.stop()));
  await scene?.close();
  await broker?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function restartBroker(awayWhile: () => Promise<void> = async () => {}): Promise<void> {
  process.kill(-Number.parseInt(readFileSync(join(directory, 'broker.pid'), 'utf8'), 10), 'SIGKILL');
  await broker.ended;
  fire('broker killed');
  await awayWhile();
  broker = await startKafkaBroker({ directory, ports: broker.ports });
}

/** MiB in memory. */
function memoryOf(relay: KillableProcess): number {
  try {
    const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${relay.pid()}/status`, 'utf8')) ?? [];
    return Number(kilobytes ?? 0) / 1_024;
  } catch {
    return 0; // It was killed this moment.
  }
}

/** How far the lanes are behind, in entries. */
async function backlog(): Promise<number> {
  const { rows } = await scene.relay.query<{ entries: number }>('SELECT entries::float8 AS entries FROM exequatur.event_backlog()');
  return rows[0]?.entries ?? 0;
}

async function untilBacklogBelow(entries: number, peak: { memory: number }): Promise<void> {
  const look = async () => {
    peak.memory = Math.max(peak.memory, ...relays.map(memoryOf));
    return backlog();
  };
  await expect.poll(look, { timeout: limitMs, interval: 50 }).toBeLessThanOrEqual(entries);
}

it(`${events} events that gather while Kafka is away all arrive, in order, while relays and the broker are killed`, {
  timeout: 3 * limitMs,
}, async () => {
  const tenants = [scene.fixture.tenant];
  while (tenants.length < tenantsCount) tenants.push(await scene.fixture.database.createTenant());
  await scene.announce(['first'], 1);
  await untilBacklogBelow(0, { memory: 0 }); // The topic is there.

  const turns = Math.ceil(events / tenantsCount / switches.length);
  await restartBroker(async () => {
    await Promise.all(tenants.map((tenant) => scene.announce(switches, turns, { tenant, each: 10 })));
  });
  const peak = { memory: 0 };
  const waiting = await backlog();
  const startedAt = Date.now();
  for (const share of [0.8, 0.5, 0.3]) {
    await untilBacklogBelow(waiting * share, peak);
    relays[share === 0.5 ? 1 : 0]?.kill();
    fire('relay killed');
    if (share === 0.5) await restartBroker();
  }
  await untilBacklogBelow(0, peak);
  const seconds = (Date.now() - startedAt) / 1_000;

  const stored = (await Promise.all(tenants.map((tenant) => scene.stored(tenant)))).flat();
  const notebook = await Notebook.open(scene.topic, kafkaClient(broker.address));
  const received = () => new Set(notebook.received.map(({ headers }) => headers.ce_id)).size;
  await expect.poll(received, { timeout: limitMs, interval: 200 }).toBe(stored.length);
  expect(inEachTenant(notebook)).toEqual(
    new Map(tenants.map((tenant) => [tenant, idsByKey(stored.filter((event) => event.tenant === tenant))])),
  );
  console.log(
    JSON.stringify({
      chaos: 'events',
      events: stored.length,
      received: notebook.received.length,
      fired,
      drainedInSeconds: Math.round(seconds),
      relayPeakMiB: Math.round(peak.memory),
    }),
  );
  await notebook.close();
  expect(fired).toEqual({ 'broker killed': 2, 'relay killed': 3 });
  expect(peak.memory).toBeLessThan(mostMiB);
});

/** Ids by tenant and key, each where it was received first: keys of tenants that share a topic may be alike. */
function inEachTenant(notebook: Notebook): Map<string, Map<string, string[]>> {
  const byTenant = new Map<string, Map<string, string[]>>();
  const seen = new Set<string>();
  for (const { key, headers } of notebook.received) {
    const { ce_id: id = '', ce_tenant: tenant = '' } = headers;
    if (seen.has(id)) continue;
    seen.add(id);
    const byKey = byTenant.get(tenant) ?? new Map<string, string[]>();
    byTenant.set(tenant, byKey);
    const ids = byKey.get(key);
    if (ids === undefined) byKey.set(key, [id]);
    else ids.push(id);
  }
  return byTenant;
}
