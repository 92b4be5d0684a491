import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Stands in front of an HTTP server and lets calls wait, each as long as this says, ms, before it passes them on. */
export async function startSlowProxy(
  url: string,
  waitMs: (call: IncomingMessage) => number,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(async (near, answer) => {
    await sleep(waitMs(near));
    const { hostname, port } = new URL(url);
    const far = request({ hostname, port, path: near.url, method: near.method, headers: near.headers }, (from) => {
      answer.writeHead(from.statusCode ?? 500, from.headers);
      from.pipe(answer);
    });
    far.on('error', () => answer.destroy());
    near.pipe(far);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
