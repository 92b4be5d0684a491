import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The carrier's side, as a server of its own in this process: it says what it was asked, and refuses what the act wants refused. */
export interface Carrier {
  url: string;
  /** One line a request: what was asked, and the answer. */
  log: [asked: string, answer: string][];
  refuses: Set<'notices' | 'cancellation'>;
  close(): Promise<void>;
}

export async function openCarrier(): Promise<Carrier> {
  const carrier = { log: [] as Carrier['log'], refuses: new Set() as Carrier['refuses'] };
  let references = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const { method = '', url: path = '' } = request;
      const isCancellation = method === 'DELETE';
      const isRefused =
        (path.endsWith('/notices') && carrier.refuses.has('notices')) || (isCancellation && carrier.refuses.has('cancellation'));
      if (isRefused)
        return answer(response, `${method} ${path}`, 409, { detail: isCancellation ? 'The crew has left.' : 'No crew is on duty.' });
      answer(response, `${method} ${path}`, 200, path.endsWith('/reroute') ? { reference: `R${++references}` } : {});
    });
  });
  const answer = (response: ServerResponse, asked: string, status: number, body: Record<string, string>) => {
    carrier.log.push([asked, `${status} ${Object.values(body).join(' ')}`.trim()]);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...carrier,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
