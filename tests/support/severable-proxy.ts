import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export interface SeverableProxy {
  /** The same URL, through the proxy. */
  url: string;
  /** Ends every connection and refuses new ones, as a server that is away does. */
  sever(): Promise<void>;
  mend(): Promise<void>;
  /** How many transactions of PostgreSQL were committed through it. */
  commits(): number;
  /** From now on PostgreSQL's answer to a COMMIT, counted from 1, is dropped with its connection where this says so. */
  loseCommits(which: (nth: number) => boolean): void;
  /** Of the n-th COMMIT from now the answer is dropped, whatever else is to be dropped; where two fall on one COMMIT, the next stands in. `lost` is told when it was. */
  loseCommit(nth: number, lost: () => void): void;
  close(): Promise<void>;
}

/** Stands between a client and the server its URL names, so that a test can take the server away from that client alone. */
export async function startSeverableProxy(url: string): Promise<SeverableProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let commits = 0;
  let isLost = (_nth: number) => false;
  const awaited: { left: number; lost: () => void }[] = [];
  const isAwaited = () => {
    for (const one of awaited) one.left--;
    const due = awaited.findIndex(({ left }) => left <= 0);
    const [one] = due < 0 ? [] : awaited.splice(due, 1);
    one?.lost();
    return one !== undefined;
  };
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
      near.pipe(far);
      passOn(far, near, () => isAwaited() || isLost(++commits));
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
    commits: () => commits,
    loseCommits(which) {
      commits = 0;
      isLost = which;
    },
    loseCommit: (nth, lost) => void awaited.push({ left: nth, lost }),
    async mend() {
      server = make();
      await listen(port);
    },
    close: async () => (server.listening ? sever() : undefined),
  };
}

const committed = Buffer.from([0x43, 0, 0, 0, 11, ...Buffer.from('COMMIT\0')]); // CommandComplete of the wire protocol.

/** Passes on what the server says, until `isLost` is asked about a COMMIT that succeeded and says yes. */
function passOn(server: Socket, client: Socket, isLost: () => boolean): void {
  let kept = Buffer.alloc(0); // The end of what was said before, where the message may have begun.
  server.on('data', (chunk: Buffer) => {
    const said = Buffer.concat([kept, chunk]);
    let end = 0;
    for (let at = said.indexOf(committed); at >= 0; at = said.indexOf(committed, end)) {
      end = at + committed.length;
      if (isLost()) return void server.destroy();
    }
    kept = said.subarray(Math.max(end, said.length - committed.length + 1));
    if (!client.write(chunk)) {
      server.pause();
      client.once('drain', () => server.resume());
    }
  });
  server.on('end', () => client.end());
}
