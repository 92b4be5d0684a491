import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export interface SeverableProxy {
  /** The same URL, through the proxy. */
  url: string;
  /** Ends every connection and refuses new ones, as a server that is away does. */
  sever(): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** Stands between a client and the server its URL names, so that a test can take the server away from that client alone. */
export async function startSeverableProxy(url: string): Promise<SeverableProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const make = () =>
    createServer((near) => {
      const far = connect(Number(target.port), target.hostname);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.once('close', () => {
          sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
  let server = make();
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(port);
  const sever = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    url: through.href,
    sever,
    async mend() {
      server = make();
      await listen(port);
    },
    close: async () => (server.listening ? sever() : undefined),
  };
}
