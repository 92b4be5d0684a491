import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { CloudEvent } from '../../ontology/cloud-event.ts';

export interface ReceivedWebhook {
  path: string;
  headers: IncomingHttpHeaders;
  text: string;
  event: CloudEvent;
}

export interface WebhookReply {
  status?: number;
  headers?: Record<string, string>;
  /** Breaks the connection off, once it has read everything. */
  reset?: boolean;
  /** Answers nothing until the other side has gone. */
  silent?: boolean;
  /** Answers when this is done. */
  after?: Promise<unknown>;
}

/** An endpoint of a customer: it writes down all that comes, in its order, and misbehaves when a test says so. */
export class WebhookReceiver {
  readonly received: ReceivedWebhook[] = [];
  behaviour: (one: ReceivedWebhook, n: number) => WebhookReply | undefined = () => undefined;
  private readonly server = createServer((request, response) => void this.serve(request, response));

  static async open(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await new Promise<void>((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  at(path: string): ReceivedWebhook[] {
    return this.received.filter((one) => one.path === path);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const one = { path: request.url ?? '', headers: request.headers, text, event: JSON.parse(text) as CloudEvent };
    const n = this.at(one.path).length;
    this.received.push(one);
    const { status = 204, headers = {}, reset = false, silent = false, after } = this.behaviour(one, n) ?? {};
    await after;
    if (silent) return;
    if (reset) return void request.socket.destroy();
    response.writeHead(status, headers).end();
  }
}

/** As a customer would. @throws where the signature is not one of this secret. */
export function verified(secret: string, { text, headers }: ReceivedWebhook): CloudEvent {
  return new Webhook(secret).verify(text, headers as Record<string, string>) as CloudEvent;
}
