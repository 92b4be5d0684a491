import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface SlowReceiver {
  readonly url: string;
  /** How many requests to `/slow` it has taken its time over. */
  readonly slow: number;
  close(): Promise<void>;
}

/** Answers `/fast` at once and `/slow` after so long. */
export async function openReceiver(slowMs: number): Promise<SlowReceiver> {
  let slow = 0;
  const server: Server = createServer((request, response) => {
    request.resume();
    const isSlow = request.url?.startsWith('/slow') === true;
    if (isSlow) slow++;
    void delay(isSlow ? slowMs : 0).then(() => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get slow() {
      return slow;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
