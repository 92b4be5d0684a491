import type { CloudEvent } from '../../ontology/cloud-event.ts';

interface Wishes {
  url: string;
  token: string;
  query?: string;
  lastEventId?: string;
}

/** Follows a stream of events as an EventSource does: it knows the last id it heard, with which it can come back. */
export class EventFollower {
  readonly heard: CloudEvent[] = [];
  /** Comments, which say that nothing happened, or why it ends. */
  readonly comments: string[] = [];
  readonly response: Response;
  lastId: string | undefined;
  /** Settles when the stream ends; rejects where it breaks off. */
  readonly ended: Promise<void>;
  private readonly connection: AbortController;

  private constructor(response: Response, connection: AbortController, lastEventId: string | undefined) {
    this.response = response;
    this.connection = connection;
    this.lastId = lastEventId;
    this.ended = this.read();
    this.ended.catch(() => {});
  }

  static async open({ url, token, query = '', lastEventId }: Wishes): Promise<EventFollower> {
    const connection = new AbortController();
    const response = await fetch(`${url}/v1/events${query}`, {
      signal: connection.signal,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
    });
    return new EventFollower(response, connection, lastEventId);
  }

  cut(): void {
    this.connection.abort();
  }

  private async read(): Promise<void> {
    let text = '';
    for await (const piece of (this.response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      const blocks = (text + piece).split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) this.hear(block);
    }
  }

  private hear(block: string): void {
    for (const line of block.split('\n')) {
      if (line.startsWith(': ')) this.comments.push(line.slice(2));
      if (line.startsWith('id: ')) this.lastId = line.slice(4);
      if (line.startsWith('data: ')) this.heard.push(JSON.parse(line.slice(6)) as CloudEvent);
    }
  }
}
