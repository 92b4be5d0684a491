import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import type { Answer } from '../../ontology/judge-answer.ts';
import { readAllowedAddress } from '../../outbound/allowed-addresses.ts';
import { type OutgoingRequest, openSender, type SenderOptions } from '../../outbound/send-request.ts';

const servers: { close(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const tenant = 'f0e5a4a2-6f0c-4c55-9f6d-0d4b7b8f2f10';
const another = '0b7a6e3c-2c1d-4a52-8f4e-9d1c5a7e6b21';

/** A server that says what it likes, byte by byte; `heard` is all that reached it. */
async function hostile(
  answer: (socket: Socket, text: string) => void,
  onConnect?: (socket: Socket) => void,
): Promise<{ url: string; heard: () => string }> {
  let heard = '';
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnect?.(socket);
    socket.on('data', (data) => {
      heard += data.toString('utf8');
      answer(socket, heard);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard: () => heard };
}

function send(
  url: string,
  more: Partial<OutgoingRequest> = {},
  options: Partial<SenderOptions> = {},
  signal = new AbortController().signal,
): Promise<Answer> {
  const sender = openSender({ allowedAddresses: ['127.0.0.1/32'], ...options });
  return sender(
    {
      tenant,
      method: 'POST',
      url,
      body: { b: 1, a: 'x' },
      id: 'id-1',
      secrets: [],
      headers: {},
      at: new Date(),
      timeoutMs: 20_000,
      ...more,
    },
    signal,
  );
}

const answering = (addresses: string[]) =>
  ((_host: string, options: { all?: boolean }, callback: (error: null, ...found: unknown[]) => void) =>
    options.all
      ? callback(
          null,
          addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        )
      : callback(null, addresses[0], addresses[0]?.includes(':') ? 6 : 4)) as never;

/** For what only the end of its time ends. Within it a machine that is busy with something else has connected, and been heard. */
const soon = { timeoutMs: 3_000 };
const ok = (body: string) =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;

describe('a request that goes out', () => {
  it('carries its key, a canonical body and a signature of each secret', async () => {
    const { url, heard } = await hostile((socket) => socket.end(ok('{"booking":"B1"}')));
    const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'];
    expect(await send(url, { secrets, headers: { authorization: 'Bearer s3cret' } })).toEqual({
      kind: 'answered',
      status: 200,
      body: { booking: 'B1' },
    });
    const [head = '', body = ''] = heard().split('\r\n\r\n');
    expect(body).toBe('{"a":"x","b":1}');
    const headers = Object.fromEntries(
      head
        .split('\r\n')
        .slice(1)
        .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
    );
    expect(headers).toMatchObject({ 'idempotency-key': 'id-1', 'webhook-id': 'id-1', authorization: 'Bearer s3cret' });
    for (const secret of secrets) expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual({ a: 'x', b: 1 });
    expect(() => new Webhook('whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA').verify(body, headers as Record<string, string>)).toThrow();
  });

  it('follows no redirection', async () => {
    const { url } = await hostile((socket) =>
      socket.end('HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n'),
    );
    expect(await send(url)).toMatchObject({ kind: 'answered', status: 302 });
  });

  it('takes what is no JSON for no body, and tells when to come again', async () => {
    const { url } = await hostile((socket) => socket.end('HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\n<no>'));
    expect(await send(url)).toEqual({ kind: 'answered', status: 503, body: undefined, retryAfterMs: 7_000 });
  });
});

describe('what became of a request is never guessed: it is surely not sent', () => {
  it('where nobody listens', async () => {
    const { url } = await hostile(() => undefined);
    for (const server of servers.splice(0)) server.close();
    expect(await send(url)).toMatchObject({ kind: 'not_sent', code: 'ECONNREFUSED' });
  });

  it('where the name is not known', async () => {
    const lookup = ((_host: string, _options: object, callback: (error: Error) => void) =>
      callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))) as never;
    expect(await send('https://nowhere.example', {}, { lookup })).toMatchObject({ kind: 'not_sent', code: 'ENOTFOUND' });
  });

  it('where the other side never shows a certificate', async () => {
    const { url, heard } = await hostile(() => undefined);
    expect(await send(url.replace('http:', 'https:'), { timeoutMs: 400 })).toMatchObject({ kind: 'not_sent', code: 'timeout' });
    expect(heard()).not.toContain('id-1');
  });

  it('where the process stood still until the time was over', async () => {
    const { url, heard } = await hostile((socket) => socket.end(ok('{}')));
    const standsStill = createConnection(Number(new URL(url).port), '127.0.0.1').on('connect', () => {
      for (const from = performance.now(); performance.now() - from < 600; );
    });
    expect(await send(url, { timeoutMs: 400 })).toMatchObject({ kind: 'not_sent', code: 'timeout' });
    expect(heard()).toBe('');
    standsStill.destroy();
  });

  it('where it was stopped before', async () => {
    const { url, heard } = await hostile(() => undefined);
    expect(await send(url, {}, {}, AbortSignal.abort())).toMatchObject({ kind: 'not_sent', code: 'stopped' });
    expect(heard()).toBe('');
  });
});

describe('what became of a request is never guessed: it may have been received', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['where nothing is answered in time', () => undefined],
    ['where the connection is cut once it was heard', (socket) => socket.destroy()],
    ['where the answer drips', (socket) => void setInterval(() => socket.write('H'), 50).unref()],
    ['where the answer breaks off', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a"')],
    ['where the answer is no HTTP', (socket) => socket.end('SMTP ready\r\n\r\n')],
    ['where the headers have no end', (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}`)],
    ['where the answer is too long', (socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 400000\r\n\r\n${' '.repeat(300_000)}`)],
    ['where only the interim is answered', (socket) => socket.write('HTTP/1.1 102 Processing\r\n\r\n')],
  ])('%s', async (_where, misbehave) => {
    const { url } = await hostile((socket) => misbehave(socket));
    expect(await send(url, soon)).toMatchObject({ kind: 'lost' });
  });
});

describe('nothing is sent inside', () => {
  it.each([
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0177.0.0.1/',
    'https://0x7f.0.0.1/',
    'https://0251.0376.0251.0376/',
    'https://0xa9fea9fe/',
    'https://1２7.0.0.1/',
    'https://0/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[::ffff:a00:1]/',
    'https://[::10.0.0.1]/',
    'https://[64:ff9b::a00:1]/',
    'https://[64:ff9b:1::a00:1]/',
    'https://[2001:0:a00:1::1]/',
    'https://[2002:a00:1::]/',
    'https://[fd00:ec2::254]/',
    'https://[fe80::1]/',
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://100.64.0.1/',
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://localhost/',
  ])('to %s', async (url) => {
    expect(await send(url, {}, { allowedAddresses: [] })).toMatchObject({ kind: 'forbidden', code: 'address' });
  });

  it.each(['ftp://carrier.example', 'file:///etc/passwd', 'http://carrier.example', 'https://me:you@carrier.example', 'nonsense'])(
    'nor to %s',
    async (url) => {
      expect(await send(url, {}, { allowedAddresses: [] })).toMatchObject({ kind: 'forbidden' });
    },
  );

  it.each([[['10.0.0.1']], [['93.184.216.34', '127.0.0.1']], [['::ffff:169.254.169.254']], [['::169.254.169.254']]])(
    'where a name stands for %s',
    async (addresses) => {
      expect(await send('https://carrier.example', {}, { allowedAddresses: [], lookup: answering(addresses) })).toMatchObject({
        kind: 'forbidden',
        code: 'address',
      });
    },
  );

  it('where a name stands for another address the second time: what was looked at is what is connected to', async () => {
    const { url, heard } = await hostile((socket) => socket.end(ok('{}')));
    const stands = ['127.0.0.1', '10.0.0.1', '127.0.0.1'];
    let asked = 0;
    const lookup = ((...call: [string, object, never]) =>
      (answering([stands[asked++] ?? '']) as (...of: typeof call) => void)(...call)) as never;
    const rebinding = () => send(`http://rebinding.example:${new URL(url).port}`, {}, { lookup });
    expect(await rebinding()).toMatchObject({ kind: 'answered' });
    expect(asked).toBe(1);
    const before = heard().length;
    expect(await rebinding()).toMatchObject({ kind: 'forbidden', code: 'address' });
    expect([asked, heard().length]).toEqual([2, before]);
  });

  it('where a redirection leads there', async () => {
    const inside = await hostile((socket) => socket.end(ok('{}')));
    for (const status of [301, 302, 303, 307, 308]) {
      const { url } = await hostile((socket) =>
        socket.end(`HTTP/1.1 ${status} Moved\r\nlocation: ${inside.url}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`),
      );
      expect(await send(url)).toMatchObject({ kind: 'answered', status });
    }
    expect(inside.heard()).toBe('');
  });

  it('in the clear, but to allowed addresses', async () => {
    const { url, heard } = await hostile((socket) => socket.end(ok('{}')));
    const port = new URL(url).port;
    const named = await send(`http://inside.example:${port}`, {}, { lookup: answering(['127.0.0.1']) });
    expect(named).toMatchObject({ kind: 'answered' });
    const before = heard().length;
    expect(await send(url, {}, { allowedAddresses: ['10.0.0.0/8'] })).toMatchObject({ kind: 'forbidden' });
    expect(heard()).toHaveLength(before);
  });

  it('to what is allowed to another tenant alone', async () => {
    const { url, heard } = await hostile((socket) => socket.end(ok('{}')));
    const allowedAddresses = [`127.0.0.0/8@${another}`];
    expect(await send(url, {}, { allowedAddresses })).toMatchObject({ kind: 'forbidden' });
    expect(await send(url.replace('http:', 'https:'), {}, { allowedAddresses })).toMatchObject({
      kind: 'forbidden',
      code: 'address',
    });
    expect(heard()).toBe('');
    expect(await send(url, { tenant: another }, { allowedAddresses })).toMatchObject({ kind: 'answered' });
    // What is allowed to all is allowed to one that has more.
    expect(await send(url, { tenant: another }, { allowedAddresses: ['127.0.0.1', `10.0.0.1@${another}`] })).toMatchObject({
      kind: 'answered',
    });
  });

  it('that is too large', async () => {
    expect(await send('https://carrier.example', { body: 'x'.repeat(2_000_000) })).toMatchObject({ kind: 'forbidden', code: 'too_large' });
  });
});

/** Blocks that the registries of special addresses (RFC 6890 and what came after it) do not call globally reachable, and what clouds keep for themselves. */
const special = [
  ['0.0.0.0', '0.255.255.255'],
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['168.63.129.16', '168.63.129.16'],
  ['169.254.0.0', '169.254.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'],
  ['192.88.99.0', '192.88.99.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['198.51.100.0', '198.51.100.255'],
  ['203.0.113.0', '203.0.113.255'],
  ['224.0.0.0', '239.255.255.255'],
  ['240.0.0.0', '255.255.255.255'],
  ['::', '::1'],
  ['::a00:1', '::ffff:10.0.0.1'],
  ['::ffff:0:10.0.0.1', '::ffff:0:a00:1'],
  ['64:ff9b::', '64:ff9b::ffff:ffff'],
  ['64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
  ['100::', '100::ffff:ffff:ffff:ffff'],
  ['100:0:0:1::', '100::1:ffff:ffff:ffff:ffff'],
  ['2001::', '2001:0:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:2::', '2001:2:0:ffff:ffff:ffff:ffff:ffff'],
  ['2001:10::', '2001:3f:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2002:a00:1::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2606:4700::5efe:10.0.0.1', '2606:4700::200:5efe:169.254.169.254'],
  ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['5f00::', '5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fe80::', 'fe80::5efe:10.0.0.1'],
  ['fec0::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
].flat();

it.each(special)('nothing is sent to %s, by its number or by a name for it', async (address) => {
  const url = address.includes(':') ? `https://[${address}]/` : `https://${address}/`;
  expect(await send(url, {}, { allowedAddresses: [] })).toMatchObject({ kind: 'forbidden', code: 'address' });
  const named = { allowedAddresses: [], lookup: answering([address]) };
  expect(await send('https://carrier.example', {}, named)).toMatchObject({ kind: 'forbidden', code: 'address' });
});

it('a list of allowed addresses that cannot be read is refused', () => {
  const unreadable = [
    'localhost',
    '10.0.0.0/x',
    '10.0.0',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.1@acme',
    `10.0.0.1@${tenant}@${tenant}`,
    `@${tenant}`,
  ];
  for (const entry of unreadable) expect(() => readAllowedAddress(entry)).toThrow(entry);
  expect(readAllowedAddress('10.0.0.1')).toEqual({ cidr: '10.0.0.1/32', tenant: null });
  expect(readAllowedAddress(`fd00::/8@${tenant}`)).toEqual({ cidr: 'fd00::/8', tenant });
});
