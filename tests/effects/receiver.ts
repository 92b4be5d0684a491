import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonValue } from '../../ontology/json.ts';

/** What a request asks of the other side, and what came of it there. */
export interface Received {
  method: string;
  path: string;
  /** The idempotency key. */
  key: string;
  body: JsonValue | undefined;
  /** Whether it did what was asked. */
  acted: boolean;
  /** What it answered; null where nobody heard of it. */
  answered: number | null;
  /** When it came. */
  atMs: number;
}

export interface Reply {
  status?: number;
  body?: JsonValue;
  headers?: Record<string, string>;
  /** `before` it did anything, or after it has done it and before it answers. */
  reset?: 'before' | 'after';
  delayMs?: number;
  /** What happens before it is answered. */
  meanwhile?: () => Promise<unknown>;
  /** Answered before anybody looks at what the key has done: a proxy, or a key that is no longer known. */
  turnedAway?: true;
  /** Done all the same, whatever its status says. */
  acts?: true;
}

/** How it behaves at the n-th request (from 0) of a method and path. */
export type Behaviour = (received: Received, n: number) => Reply | undefined;

/**
 * A carrier's API, as real as HTTP makes it: it does what it is told, once per idempotency key where it honours one, writes down all that it is asked and all that it did, and
 * misbehaves when a test says so.
 */
export class Receiver {
  readonly received: Received[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  /** What was done, in the order in which it was. */
  readonly done: Received[] = [];
  behaviour: Behaviour = () => undefined;
  /** Where it takes a second request with one key for the first. Elsewhere it does anew whatever it is asked. */
  honoursKey: (received: Received) => boolean = () => true;
  /** What it says by itself to what it cannot do, or is asked about. */
  finds: (received: Received) => Reply | undefined = () => undefined;
  private readonly counts = new Map<string, number>();
  private readonly answers = new Map<string, Reply>();
  private readonly server = createServer((request, response) => void this.serve(request, response));

  static async open(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What is in force there: done and not taken back. */
  requests(method: string, path: string | RegExp): Received[] {
    return this.received.filter((one) => one.method === method && (typeof path === 'string' ? one.path === path : path.test(one.path)));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const received: Received = {
      method: request.method ?? '',
      path: request.url ?? '',
      key: String(request.headers['idempotency-key'] ?? ''),
      body: text === '' ? undefined : (JSON.parse(text) as JsonValue),
      acted: false,
      answered: null,
      atMs: Date.now(),
    };
    this.received.push(received);
    this.headers.push(request.headers);
    const place = `${received.method} ${received.path}`;
    const n = this.counts.get(place) ?? 0;
    this.counts.set(place, n + 1);
    const reply = this.behaviour(received, n) ?? {};
    if (reply.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, reply.delayMs));
    await reply.meanwhile?.();
    if (reply.reset === 'before') return void request.socket.destroy();
    const answer = reply.turnedAway ? reply : this.act(received, reply);
    if (reply.reset === 'after') return void request.socket.destroy();
    received.answered = answer.status ?? 200;
    response.writeHead(received.answered, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
  }

  /** The same key is answered the same, and done once. */
  private act(received: Received, reply: Reply): Reply {
    const known = this.honoursKey(received) ? this.answers.get(received.key) : undefined;
    if (known !== undefined) return known;
    const found = this.finds(received);
    if (found !== undefined) return found;
    const isDone = reply.acts || ((reply.status ?? 200) < 300 && received.method !== 'GET');
    if (isDone) {
      received.acted = true;
      this.done.push(received);
    }
    const own: Reply = { status: 200, body: { booking: `B${this.done.length}` } };
    // What stood in the way of this answer does not stand in the way of the next.
    if (isDone) this.answers.set(received.key, reply.acts ? own : { ...own, ...reply });
    return { ...own, ...reply };
  }
}
