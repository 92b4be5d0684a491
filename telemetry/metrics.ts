import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';

/** The metrics of one process, each labelled with the service, together with those of Node itself. */
export function openRegistry(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}

export interface OperationsOptions {
  registry: Registry;
  /** 0 takes any free port. */
  port: number;
  host?: string;
  /** Whether the process can do its work now; a rejection counts as no. */
  ready: () => boolean | Promise<boolean>;
  /** Metrics kept elsewhere, in the same text form, appended. */
  more?: () => Promise<string>;
}

export interface OperationsServer {
  port: number;
  close(): Promise<void>;
}

/** `/metrics`, `/livez` and `/readyz` of a process that serves nothing else. The API has these among its own routes. */
export async function serveOperations(options: OperationsOptions): Promise<OperationsServer> {
  const server = createServer((request, response) => void answer(options, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host ?? '127.0.0.1', resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

async function answer(options: OperationsOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url?.split('?')[0];
  try {
    if (path === '/metrics') {
      const more = await options.more?.().catch(() => ''); // One source that is away must not hide the others.
      response.writeHead(200, { 'content-type': options.registry.contentType }).end(`${await options.registry.metrics()}\n${more ?? ''}`);
    } else if (path === '/livez') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
    } else if (path === '/readyz') {
      const ready = await isReady(options.ready);
      response.writeHead(ready ? 200 : 503, { 'content-type': 'text/plain' }).end(ready ? 'ok\n' : 'not ready\n');
    } else {
      response.writeHead(404).end();
    }
  } catch {
    response.writeHead(500).end();
  }
}

async function isReady(ready: OperationsOptions['ready']): Promise<boolean> {
  try {
    return await ready();
  } catch {
    return false;
  }
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
