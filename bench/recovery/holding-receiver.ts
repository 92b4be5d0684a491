import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers a request only when it is told to; a refusal at once. Counts how often each was asked, by method and path. */
export class HoldingReceiver {
  private readonly asked = new Map<string, number>();
  private readonly waiting: ServerResponse[] = [];
  private holds = false;
  private readonly server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    request.resume();
    if (url === '/refusals') return void response.writeHead(409).end();
    const name = `${method} ${url}`;
    this.asked.set(name, this.timesAsked(name) + 1);
    // What is to be undone has to be done first.
    if (this.holds && !(method === 'POST' && url.startsWith('/things/undo'))) this.waiting.push(response);
    else answer(response);
  });

  static async open(): Promise<HoldingReceiver> {
    const receiver = new HoldingReceiver();
    await new Promise<void>((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  timesAsked(name: string): number {
    return this.asked.get(name) ?? 0;
  }

  hold(): void {
    this.holds = true;
  }

  release(): void {
    this.holds = false;
    for (const response of this.waiting.splice(0)) answer(response);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function answer(response: ServerResponse): void {
  if (!response.destroyed) response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
}
