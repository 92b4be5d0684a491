import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { traceRequests } from '../../telemetry/requests.ts';
import { startTracing, type Tracing } from '../../telemetry/tracing.ts';
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop } from './lamp-shop.ts';

let collector: TraceCollector;
let tracing: Tracing;
let shop: LampShop;
let worker: WorkerProcess;
let front: Server;

beforeAll(async () => {
  collector = await startTraceCollector();
  tracing = startTracing('front', collector.endpoint);
  shop = await LampShop.open({ plugins: tracing.plugins });
  worker = await startWorkerProcess({
    databaseUrl: shop.database.urls.worker,
    temporal: shop.temporal,
    taskQueue: shop.taskQueue,
    more: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint },
  });
  const trace = traceRequests();
  front = createServer((request, response) =>
    trace(request, response, async () => {
      const id = await shop.proposed('install', { names: ['hall'] });
      response.end(id);
    }),
  );
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  front?.close();
  await worker?.stop();
  await shop?.close();
  await tracing?.stop();
  await collector?.close();
});

describe('one trace', () => {
  it('leads from the request through the workflow to each activity and each of its queries', { timeout: 60_000 }, async () => {
    const traceId = randomBytes(16).toString('hex');
    const caller = randomBytes(8).toString('hex');
    const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}/proposals`;
    const response = await fetch(url, { method: 'POST', headers: { traceparent: `00-${traceId}-${caller}-01` } });
    const id = await response.text();
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
    const request = named(/^POST/);
    expect(request).toMatchObject({ parentSpanId: caller, service: 'front' });
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
    expect(ours().some((span) => span.service === 'front' && span.name.startsWith('SQL INSERT'))).toBe(true);
  });
});
