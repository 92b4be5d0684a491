import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemSchema } from '../../api/schemas/problem-schema.ts';
import { ApiScene } from './api-scene.ts';

// A database of its own: tests/support/database.ts.
let scene: ApiScene;
/** Waits for slow clients half a second, so that a test need not wait longer; the other waits however busy the machine is. */
let impatient: ApiScene;
beforeAll(async () => {
  scene = await ApiScene.open({ patience: { headersMs: 120_000, wholeMs: 120_000, checkEveryMs: 50 } });
  impatient = await ApiScene.open({ patience: { headersMs: 500, wholeMs: 500, checkEveryMs: 50 } });
});
afterAll(() => Promise.all([scene?.close(), impatient?.close()]));

interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: checked against the schema where it is a problem; tests then read what they expect.
  body: any;
}

/** A connection that sends bytes as they are. */
function open(to: ApiScene, ...pieces: (string | Buffer)[]): { socket: Socket; all: Promise<RawAnswer[]> } {
  const { hostname, port } = new URL(to.url);
  const socket = connect(Number(port), hostname);
  for (const piece of pieces) socket.write(piece);
  const all = new Promise<RawAnswer[]>((resolve) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {}); // A reset: what came before it counts.
    socket.once('close', () => resolve(answersIn(Buffer.concat(chunks).toString())));
  });
  return { socket, all };
}

/** Every answer until the server closed the connection. */
const send = (...pieces: (string | Buffer)[]) => open(scene, ...pieces).all;

function answersIn(text: string): RawAnswer[] {
  if (text === '') return [];
  const headEnd = text.indexOf('\r\n\r\n') + 4;
  const [line = '', ...rest] = text.slice(0, headEnd - 4).split('\r\n');
  expect(line).toMatch(/^HTTP\/1\.1 \d{3} \w/);
  const headers = Object.fromEntries(
    rest.map((header) => [header.split(': ', 1)[0]?.toLowerCase(), header.slice(header.indexOf(': ') + 2)]),
  );
  const length = Number(headers['content-length'] ?? 0);
  const body = text.slice(headEnd, headEnd + length);
  const answer = {
    status: Number(line.split(' ')[1]),
    headers,
    body: /json/.test(headers['content-type'] ?? '') ? JSON.parse(body) : body,
  };
  return [answer, ...answersIn(text.slice(headEnd + length))];
}

function expectOneProblem(answers: RawAnswer[], status: number, code: string): RawAnswer {
  expect(answers.length).toBe(1);
  const [answer] = answers as [RawAnswer];
  expect(answer).toMatchObject({
    status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', connection: 'close' },
    body: { type: `https://exequatur.dev/problems/${code}`, code, status, errors: [] },
  });
  expect(problemSchema.safeParse(answer.body).error).toBeUndefined();
  expect(answer.headers['x-request-id']).toBe(answer.body.requestId);
  return answer;
}

const alive = 'GET /livez HTTP/1.1\r\nhost: x\r\n';
const proposing = 'POST /v1/proposals HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
const named = async (at = scene) => `${proposing}x-request-id: mine\r\nauthorization: Bearer ${await at.token({ id: 'keeper-1' })}\r\n`;

describe('what cannot be read as a request', () => {
  it.each([
    ['a header beyond the limit', `${alive}x-long: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'request_head_too_large'],
    ['many headers beyond the limit together', `${alive}${'x-short: abcdefgh\r\n'.repeat(1_500)}\r\n`, 431, 'request_head_too_large'],
    [
      'an address beyond the limit',
      `GET /v1/proposals?x=${'x'.repeat(300_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      431,
      'request_head_too_large',
    ],
    ['a header without an end that never stops', `${alive}x-long: ${'x'.repeat(2_000_000)}`, 431, 'request_head_too_large'],
    ['no HTTP at all', 'hello, is anybody there?\r\n\r\n', 400, 'malformed_request'],
    ['a TLS hello', Buffer.from('16030100050100000100', 'hex'), 400, 'malformed_request'],
    ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'malformed_request'],
    ['an unknown method', 'FETCH /livez HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'malformed_request'],
    ['a broken header', `${alive}no colon\r\n\r\n`, 400, 'malformed_request'],
    ['a header with a line feed for an end', `${alive}a: b\nc: d\r\n\r\n`, 400, 'malformed_request'],
    ['two lengths', `${proposing}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`, 400, 'malformed_request'],
    ['a length beside chunks', `${proposing}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`, 400, 'malformed_request'],
  ])('%s gets one problem document, and the connection is closed', async (_, bytes, status, code) => {
    const { body } = expectOneProblem(await send(bytes), status, code);
    expect(body.instance).toBe(`urn:uuid:${body.requestId}`);
  });

  it('a head that stays away gets one, and the connection is closed', async () => {
    expectOneProblem(await open(impatient, 'GET /livez HTTP/1.1\r\nhost:').all, 408, 'request_timeout');
  });

  it('a body that stays away, or whose chunks are broken, gets it with the id and the path of its request', async () => {
    const slow = open(impatient, `${await named(impatient)}content-length: 100\r\n\r\n{`);
    const late = expectOneProblem(await slow.all, 408, 'request_timeout');
    const broken = expectOneProblem(
      await send(`${await named()}transfer-encoding: chunked\r\n\r\nno length\r\n`),
      400,
      'malformed_request',
    );
    for (const { body } of [late, broken]) expect(body).toMatchObject({ instance: '/v1/proposals', requestId: 'mine' });
    const bomb = `2;${'x'.repeat(20_000)}\r\n{}\r\n`;
    expectOneProblem(await send(`${await named()}transfer-encoding: chunked\r\n\r\n${bomb}`), 413, 'payload_too_large');
  });

  it('a body over the limit gets it as soon as that is known, however much is still to come', async () => {
    const announced = await send(`${await named()}content-length: 10000000000\r\n\r\n{`);
    const piece = `${(65_536).toString(16)}\r\n${'x'.repeat(65_536)}\r\n`; // And never the last one.
    const endless = await send(`${await named()}transfer-encoding: chunked\r\n\r\n`, ...Array<string>(70).fill(piece));
    for (const answers of [announced, endless]) expectOneProblem(answers, 413, 'payload_too_large');
  });

  it('after a request that was answered gets it; after one that is being answered, that one gets its own answer and nothing more', async () => {
    const { socket, all } = open(scene, `${alive}\r\n`);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.write('nonsense\r\n\r\n');
    const [first, ...second] = await all;
    expect(first?.status).toBe(200);
    expectOneProblem(second, 400, 'malformed_request');

    const together = await send(`${alive}\r\n${alive}\r\nnonsense\r\n\r\n`);
    expect(together.map(({ status }) => status)).toEqual([200, 200]);
  });

  it('that goes on for ever is cut off, and the server serves others meanwhile', async () => {
    const { socket, all } = open(scene, 'nonsense\r\n\r\n');
    const flood = setInterval(() => socket.write('x'.repeat(10_000)), 5);
    expect((await scene.call('GET', '/livez')).status).toBe(200);
    expectOneProblem(await all.finally(() => clearInterval(flood)), 400, 'malformed_request');
  });

  it('from a client that has gone is let go', async () => {
    const { socket, all } = open(scene, `${alive}x-long: `);
    socket.once('connect', () => socket.resetAndDestroy());
    expect(await all).toEqual([]);
    expect((await scene.call('GET', '/livez')).status).toBe(200);
  });
});

describe('what Node would refuse by itself', () => {
  it('a request without Host is refused with a problem document', async () => {
    const [answer] = await send('GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n');
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_request', instance: '/livez' } });
    expect((await send('GET /livez HTTP/1.0\r\n\r\n'))[0]?.status).toBe(200);
  });

  it('an expectation that is not known is ignored', async () => {
    expect((await send(`${alive}expect: a-miracle\r\nconnection: close\r\n\r\n`))[0]?.status).toBe(200);
  });
});
