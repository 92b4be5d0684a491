import { Counter } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { type OperationsServer, openRegistry, serveOperations } from './metrics.ts';

let server: OperationsServer | undefined;
afterEach(() => server?.close());

async function get(path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${server?.port}${path}`);
  return { status: response.status, text: await response.text() };
}

describe('serveOperations', () => {
  it('answers /metrics in Prometheus form, with metrics kept elsewhere appended', async () => {
    const registry = openRegistry('test');
    new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc(3);
    server = await serveOperations({ registry, port: 0, ready: () => true, more: async () => 'others_total 7\n' });
    const { status, text } = await get('/metrics');
    expect(status).toBe(200);
    expect(text).toContain('things_total{service="test"} 3');
    expect(text).toMatch(/^others_total 7$/m);
  });

  it('still answers /metrics when the metrics kept elsewhere cannot be had', async () => {
    server = await serveOperations({
      registry: openRegistry('test'),
      port: 0,
      ready: () => true,
      more: () => Promise.reject(new Error('gone')),
    });
    expect(await get('/metrics')).toMatchObject({ status: 200 });
  });

  it('is alive whatever happens, and ready only while it can work', async () => {
    let ready: () => boolean | Promise<boolean> = () => false;
    server = await serveOperations({ registry: openRegistry('test'), port: 0, ready: () => ready() });
    expect(await get('/livez')).toMatchObject({ status: 200 });
    expect(await get('/readyz')).toMatchObject({ status: 503 });
    ready = () => Promise.reject(new Error('the database is away'));
    expect(await get('/readyz')).toMatchObject({ status: 503 });
    ready = () => true;
    expect(await get('/readyz')).toMatchObject({ status: 200 });
  });
});
