import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiProcesses } from '../support/api-processes.ts';
import { type KillableProcess, startKillable } from '../support/killable-process.ts';
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop } from './lamp-shop.ts';
import { agent } from './lamps.ts';

let collector: TraceCollector;
let shop: LampShop;
let worker: WorkerProcess;
let api: ApiProcesses;
let cutOff: ApiProcesses;
let relay: KillableProcess;
const nowhere = '127.0.0.1:1'; // Nothing listens on port 1: Temporal as it is when it is away.

beforeAll(async () => {
  collector = await startTraceCollector();
  shop = await LampShop.open();
  const more = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint };
  const { temporal, taskQueue, tenant, database } = shop;
  worker = await startWorkerProcess({ databaseUrl: database.urls.worker, temporal, taskQueue, more });
  const ofApi = { databaseUrl: database.urls.api, taskQueue, tenant, more };
  [api, cutOff] = await Promise.all([ApiProcesses.open({ ...ofApi, temporal }), ApiProcesses.open({ ...ofApi, temporal: nowhere })]);
  relay = startKillable('relay', 'events/relay.ts', {
    EXEQUATUR_RELAY_DATABASE_URL: database.urls.relay,
    EXEQUATUR_RELAY_METRICS_PORT: '0',
    TEMPORAL_ADDRESS: temporal,
    EXEQUATUR_TASK_QUEUE: taskQueue,
    ...more,
  });
});
afterAll(async () => {
  await Promise.all([api?.stop(), cutOff?.stop(), relay?.stop()]);
  await worker?.stop();
  await shop?.close();
  await collector?.close();
});

describe('one trace', () => {
  it('leads from the request through the workflow to each activity and each of its queries', async () => {
    const traceId = randomBytes(16).toString('hex');
    const caller = randomBytes(8).toString('hex');
    const request = { actionType: 'install', parameters: { names: ['hall'] }, justification: 'dark' };
    const headers = { traceparent: `00-${traceId}-${caller}-01`, 'idempotency-key': 'traced' };
    const { id } = (await api.post('/v1/proposals', agent, request, { headers })).body;
    expect(await shop.outcome(id)).toBe('executed');
    const events = await shop.query<{ type: string; trace: string | null }>(
      `SELECT o.type, split_part(o.traceparent, '-', 2) AS trace FROM exequatur.outbox o WHERE o.proposal_id = $1 ORDER BY o.created_at, o.type`,
      [id],
    );
    expect(events.map(({ type }) => type)).toContain('object.changes');
    expect(new Set(events.map(({ trace }) => trace))).toEqual(new Set([traceId]));

    const { ours, named, ancestry } = spansOf(traceId);
    await expect.poll(() => named(/^RunWorkflow:proposal/)).toBeDefined();
    await expect.poll(() => named(/^RunActivity:execute/)).toBeDefined();

    await expect.poll(() => named(/^POST/)).toBeDefined();
    expect(named(/^POST \/v1\/proposals/)).toMatchObject({ parentSpanId: caller, service: 'exequatur-api' });
    for (const step of ['simulate', 'execute']) {
      const activity = named(new RegExp(`^RunActivity:${step}`));
      expect(activity?.service).toBe('exequatur-worker');
      expect(ancestry(activity).join(' < ')).toMatch(/RunWorkflow:proposal.*POST/);
      const queries = ours().filter((span) => span.parentSpanId === activity?.spanId && span.name.startsWith('SQL'));
      expect(queries.length).toBeGreaterThan(1);
    }
    expect(ours().some((span) => span.service === 'exequatur-api' && /^(SQL|prisma)/i.test(span.name))).toBe(true);
  });

  it('leads through the relay where Temporal was away from the API', async () => {
    const traceId = randomBytes(16).toString('hex');
    const request = { actionType: 'install', parameters: { names: ['porch'] }, justification: 'dark' };
    const headers = { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`, 'idempotency-key': 'traced-late' };
    const { id } = (await cutOff.post('/v1/proposals', agent, request, { headers })).body;
    const { named, ancestry } = spansOf(traceId);
    await expect.poll(() => named(/^RunActivity:execute/)).toBeDefined();
    await expect.poll(() => named(/^SignalWithStartWorkflow:proposal/)).toMatchObject({ service: 'exequatur-relay' });
    await expect.poll(() => ancestry(named(/^RunActivity:execute/)).join(' < ')).toMatch(/SignalWithStartWorkflow:proposal.*POST/);
    expect(await shop.outcome(id)).toBe('executed');
  });
});

/** What has arrived of one trace. */
function spansOf(traceId: string) {
  const ours = () => collector.spans.filter((span) => span.traceId === traceId);
  const ancestry = (span: { parentSpanId?: string } | undefined): string[] => {
    const parent = ours().find(({ spanId }) => spanId === span?.parentSpanId);
    return parent === undefined ? [] : [parent.name, ...ancestry(parent)];
  };
  return { ours, ancestry, named: (pattern: RegExp) => ours().find((span) => pattern.test(span.name)) };
}
