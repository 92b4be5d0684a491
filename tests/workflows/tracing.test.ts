import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiProcesses } from '../support/api-processes.ts';
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop } from './lamp-shop.ts';
import { agent } from './lamps.ts';

let collector: TraceCollector;
let shop: LampShop;
let worker: WorkerProcess;
let api: ApiProcesses;

beforeAll(async () => {
  collector = await startTraceCollector();
  shop = await LampShop.open();
  const more = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint };
  const { temporal, taskQueue, tenant, database } = shop;
  worker = await startWorkerProcess({ databaseUrl: database.urls.worker, temporal, taskQueue, more });
  api = await ApiProcesses.open({ databaseUrl: database.urls.api, temporal, taskQueue, tenant, more });
});
afterAll(async () => {
  await api?.stop();
  await worker?.stop();
  await shop?.close();
  await collector?.close();
});

describe('one trace', () => {
  it('leads from the request through the workflow to each activity and each of its queries', { timeout: 60_000 }, async () => {
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

    const ours = () => collector.spans.filter((span) => span.traceId === traceId);
    const named = (pattern: RegExp) => ours().find((span) => pattern.test(span.name));
    await expect.poll(() => named(/^RunWorkflow:proposal/), { timeout: 20_000 }).toBeDefined();
    await expect.poll(() => named(/^RunActivity:execute/), { timeout: 20_000 }).toBeDefined();

    await expect.poll(() => named(/^POST/), { timeout: 20_000 }).toBeDefined();
    expect(named(/^POST \/v1\/proposals/)).toMatchObject({ parentSpanId: caller, service: 'exequatur-api' });
    const byId = new Map(ours().map((span) => [span.spanId, span]));
    const ancestry = (span: { parentSpanId?: string } | undefined): string[] => {
      const parent = byId.get(span?.parentSpanId ?? '');
      return parent === undefined ? [] : [parent.name, ...ancestry(parent)];
    };
    for (const step of ['simulate', 'execute']) {
      const activity = named(new RegExp(`^RunActivity:${step}`));
      expect(activity?.service).toBe('exequatur-worker');
      expect(ancestry(activity).join(' < ')).toMatch(/RunWorkflow:proposal.*POST/);
      const queries = ours().filter((span) => span.parentSpanId === activity?.spanId && span.name.startsWith('SQL'));
      expect(queries.length).toBeGreaterThan(1);
    }
    expect(ours().some((span) => span.service === 'exequatur-api' && /^(SQL|prisma)/i.test(span.name))).toBe(true);
  });
});
