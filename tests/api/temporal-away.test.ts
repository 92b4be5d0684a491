import { randomUUID } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { engineLimits } from '../../api/admission.ts';
import { freePort } from '../../scripts/processes/free-port.ts';
import { type SupervisedProcess, supervise } from '../../scripts/processes/supervised-process.ts';
import { building } from '../store/fixture.ts';
import { temporalAddress } from '../support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { ApiScene } from './api-scene.ts';

// A database of its own: tests/support/database.ts. Worker and relay are the real ones; only the API's way to Temporal can be cut.
const taskQueue = `away-${randomUUID()}`;
const simulationPatienceMs = 60_000; // So long that a busy machine needs not half of it for what is to be answered without a wait.
let line: Awaited<ReturnType<typeof openLine>>;
let scene: ApiScene;
let worker: WorkerProcess;
let relay: SupervisedProcess;
let relayUrl: string;

beforeAll(async () => {
  const temporal = temporalAddress();
  line = await openLine(temporal);
  scene = await ApiScene.open({ temporal: line.address, taskQueue, simulationPatienceMs });
  worker = await startWorkerProcess({ databaseUrl: scene.database.urls.worker, temporal, taskQueue });
  const relayPort = await freePort();
  relayUrl = `http://127.0.0.1:${relayPort}`;
  relay = supervise({
    name: 'relay',
    entry: 'events/relay.ts',
    env: {
      EXEQUATUR_RELAY_DATABASE_URL: scene.database.urls.relay,
      TEMPORAL_ADDRESS: temporal,
      EXEQUATUR_TASK_QUEUE: taskQueue,
      EXEQUATUR_RELAY_METRICS_PORT: String(relayPort),
      LOG_LEVEL: 'warn',
    },
    onLine: (_, text) => process.env.TEST_LOG_LEVEL && console.log(text),
  });
  await scene.as({ id: 'ontology-admin-1' }).put('/v1/ontology', building);
  await untilReady(worker);
});
afterAll(async () => {
  await Promise.all([relay?.stop(), worker?.stop()]);
  await scene?.close();
  line?.cut();
});

/** A wire to Temporal that can be cut and mended. */
async function openLine(to: string) {
  const [host, port] = [to.split(':')[0] ?? '', Number(to.split(':')[1])];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const { port: own } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${own}`,
    cut() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
    mend: () => listen(own),
  };
}

const metrics = async (url: string) => (await fetch(`${url}/metrics`)).text();

describe('while Temporal is away', () => {
  it('proposals and reviews are taken, the relay catches up, and the API finds Temporal again by itself', async () => {
    const agent = scene.as({ id: 'agent-1', kind: 'agent', roles: ['agent'] });
    const warm = await agent.propose('addFloor', { name: 'F1', rooms: [{ code: 'R1' }] });
    await scene.until(warm.body.id, 'executed');

    line.cut();
    expect((await scene.call('GET', '/readyz')).body).toEqual({ database: 'ok', temporal: 'away' });
    const startedAt = performance.now();
    const proposed = await agent.propose('closeRoom', { room: 'R1' }, { 'idempotency-key': 'away' });
    expect(performance.now() - startedAt).toBeLessThan(simulationPatienceMs / 2);
    expect(proposed).toMatchObject({ status: 202, body: { status: 'simulating', planDigest: null } });
    expect((await agent.propose('closeRoom', { room: 'R1' }, { 'idempotency-key': 'away' })).body.id).toBe(proposed.body.id);

    const simulated = await scene.until(proposed.body.id, 'awaiting_approval');
    expect((await scene.as({ id: 'keeper-1' }).review(simulated)).status).toBe(201);
    const withOfficer = await scene.as({ id: 'officer-1' }).review(simulated);
    expect(withOfficer).toMatchObject({ status: 201, body: { proposal: { status: 'approved' } } });
    await scene.until(proposed.body.id, 'executed');
    expect(await metrics(relayUrl)).toMatch(/^exequatur_relay_nudges_redelivered_total\S* [1-9]/m);
    const ofWorker = await metrics(worker.metricsUrl);
    expect(ofWorker).toMatch(/^exequatur_step_duration_seconds_count\{.*step="execute".*\} [1-9]/m);
    expect(ofWorker).toMatch(/^temporal_activity_execution_latency|^temporal_local_activity/m); // The SDK's own.
    expect(await metrics(scene.url)).toMatch(/^exequatur_http_request_duration_seconds_count\{.*\} [1-9]/m);

    await line.mend();
    await expect.poll(async () => (await agent.propose('addFloor', { name: `F-${randomUUID()}`, rooms: [] })).status).toBe(201);
  });
});

async function untilReady({ metricsUrl }: WorkerProcess): Promise<void> {
  await vi.waitFor(async () => expect((await fetch(`${metricsUrl}/readyz`)).status).toBe(200), { timeout: 180_000, interval: 200 });
}

async function metric({ url }: ApiScene, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
}

describe('while no worker runs', () => {
  it('a proposal is answered with 202 within its patience, and goes on when one comes', async () => {
    const patient = await ApiScene.open({ temporal: temporalAddress(), taskQueue: `idle-${randomUUID()}`, simulationPatienceMs: 500 });
    try {
      await patient.as({ id: 'ontology-admin-1' }).put('/v1/ontology', building);
      expect((await patient.as({ id: 'keeper-1' }).propose('addFloor', { name: 'F1', rooms: [] })).status).toBe(202);
    } finally {
      await patient.close();
    }
  });

  it('more proposals than the engine is given at once are taken, each with 202, soon without a wait, and all of them are simulated when a worker comes', async () => {
    const taskQueue = `idle-${randomUUID()}`;
    const temporal = temporalAddress();
    // Within this nobody would have come in whose turn depends on a place that is kept for a worker.
    const idle = await ApiScene.open({
      temporal,
      taskQueue,
      simulationPatienceMs,
      engineLimits: { ...engineLimits, longestWaitMs: 60_000 },
    });
    let late: WorkerProcess | undefined;
    try {
      await idle.as({ id: 'ontology-admin-1' }).put('/v1/ontology', building);
      const keeper = idle.as({ id: 'keeper-1' });
      const ask = (name: string) => keeper.propose('askFloor', { name }, { 'idempotency-key': name });
      const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => ask(`F${at}`)));
      expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(202));
      const againAt = performance.now();
      expect((await ask('G')).status).toBe(202);
      expect(performance.now() - againAt).toBeLessThan(simulationPatienceMs / 2); // The first were told after two seconds that nobody is there.
      expect(await metric(idle, 'exequatur_engine_away')).toBe(1);

      late = await startWorkerProcess({ databaseUrl: idle.database.urls.worker, temporal, taskQueue });
      await untilReady(late);
      for (const { body } of answers) await idle.until(body.id, 'awaiting_approval');
      let asked = 0;
      await expect.poll(async () => (await ask(`H${asked++}`)).status).toBe(201);
      await expect.poll(() => metric(idle, 'exequatur_engine_away')).toBe(0);
    } finally {
      await late?.stop();
      await idle.close();
    }
  });

  it('nobody waits any more for a client that is gone', async () => {
    const away = await ApiScene.open({ simulationPatienceMs: 100 });
    try {
      await away.as({ id: 'ontology-admin-1' }).put('/v1/ontology', building);
      const keeper = { id: 'keeper-1' };
      const { body } = await away.as(keeper).propose('addFloor', { name: 'F1', rooms: [] });
      const { watch } = away.context.resources;
      await expect.poll(() => watch.watched).toBe(0); // For a sign of the engine's life the API itself waits five seconds.
      const leaving = new AbortController();
      const headers = { authorization: `Bearer ${await away.token(keeper)}`, prefer: 'wait=30' };
      const asked = fetch(`${away.url}/v1/proposals/${body.id}`, { headers, signal: leaving.signal });
      await expect.poll(() => watch.watched).toBe(1);
      leaving.abort();
      await expect(asked).rejects.toThrow('aborted');
      await expect.poll(() => watch.watched).toBe(0);
    } finally {
      await away.close();
    }
  });
});
