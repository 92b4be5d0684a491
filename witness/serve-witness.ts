import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { log } from './log.ts';
import { readSubmission } from './submission.ts';
import type { Verdict, Witness } from './witness.ts';

const mostBytes = 64 * 1024; // 63 hashes and a note with dozens of signatures take a tenth of it.
const patienceMs = 10_000; // For one request to arrive in.

/** C2SP's tlog-witness over HTTP, and `GET /checkpoint/<log>` with what was last cosigned, for whoever wants to know it from the witness itself. */
export async function serveWitness(witness: Witness, { host, port }: { host: string; port: number }): Promise<Server> {
  const server = createServer(
    { requestTimeout: patienceMs, headersTimeout: patienceMs, connectionsCheckingInterval: 1_000 },
    (request, response) => {
      answer(witness, request, response).catch((error: unknown) => {
        log('error', 'a request failed', { error: error instanceof Error ? error.message : String(error) });
        if (!response.headersSent) send(response, 500, 'failed\n');
        else response.destroy();
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

async function answer(witness: Witness, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://witness').pathname;
  const [, origin] = /^\/checkpoint\/(.+)$/.exec(path) ?? [];
  if (path === '/add-checkpoint' && request.method === 'POST') await add(witness, request, response);
  else if (path === '/add-checkpoint') send(response, 405, 'POST is asked for\n', { allow: 'POST' });
  else if (path === '/livez' || path === '/readyz') send(response, 200, 'ok\n');
  else {
    const note = origin === undefined || request.method !== 'GET' ? null : await witness.latest(origin);
    send(response, note === null ? 404 : 200, note ?? 'not known here\n');
  }
}

async function add(witness: Witness, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (body === null) return send(response, 413, 'too much\n', { connection: 'close' });
  const submission = readSubmission(body);
  if (submission === null) return send(response, 400, 'this is no submission of a checkpoint\n');
  const { origin, size } = submission.checkpoint;
  const verdict = await witness.add(submission);
  if ('cosigned' in verdict) log('info', 'cosigned', { origin, size });
  // Whoever has a signature of the log's key under it holds the proof that the log was rewritten: it is kept in the log of this process.
  else if (verdict.refused === 'bad_proof' || (verdict.refused === 'conflict' && verdict.isFork))
    log('error', 'a checkpoint does not go on from what was cosigned', { origin, size, old: submission.old, body });
  else log('warn', 'refused', { origin, size, why: verdict.refused });
  const { status, body: said, headers } = answerOf(verdict);
  send(response, status, said, headers);
}

function answerOf(verdict: Verdict): { status: number; body: string; headers?: Record<string, string> } {
  if ('cosigned' in verdict) return { status: 200, body: verdict.cosigned };
  switch (verdict.refused) {
    case 'unknown_log':
      return { status: 404, body: 'this log is not known here\n' };
    case 'unknown_key':
      return { status: 403, body: 'signed by no key that is known of this log\n' };
    case 'malformed':
      return { status: 400, body: 'the old size is larger than the new one\n' };
    case 'bad_proof':
      return { status: 422, body: 'the proof does not hold\n' };
    case 'conflict':
      return { status: 409, body: `${verdict.size}\n`, headers: { 'content-type': 'text/x.tlog.size' } };
  }
}

/** Null where it is too long. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > mostBytes) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function send(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers }).end(body);
}
