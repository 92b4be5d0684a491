import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ProblemCode } from '../ontology/problems.ts';
import type { Logger } from '../telemetry/logger.ts';
import { problemDocument, problemMediaType, type TransportCode } from './problem.ts';

/** The newest request of a connection, and its answer. */
interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

interface ConnectionError extends Error {
  code?: string;
}

const codes: Readonly<Record<string, ProblemCode | TransportCode>> = {
  HPE_HEADER_OVERFLOW: 'request_head_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/**
 * Answers what Node cannot read as a request, or not in time, with a problem document, and closes the connection. One message gets one answer: where one is under way
 * it is finished, and what is wrong after it is not answered, since the client would take that for the answer to what it had asked. Must be called before the app listens
 * for requests.
 */
export function refuseUnreadable(server: Server, logger: Logger): void {
  const exchanges = new WeakMap<Duplex, Exchange>();
  const ending = new WeakSet<Duplex>();
  const note = (request: IncomingMessage, response: ServerResponse) => void exchanges.set(request.socket, { request, response });
  server.on('request', note);
  server.on('checkExpectation', note);
  server.on('clientError', (error: ConnectionError, socket) => {
    if (ending.has(socket)) return; // Node says it again for every further piece of the same.
    ending.add(socket);
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const exchange = exchanges.get(socket);
    if (exchange !== undefined && !isOwedAnAnswer(exchange)) {
      if (exchange.response.writableFinished) end(socket);
      else exchange.response.once('close', () => end(socket));
      return;
    }
    const refused = codes[error.code ?? ''] ?? 'malformed_request';
    const { status, text, requestId } = answerOf(refused, exchange?.request.complete === false ? exchange : undefined);
    logger.info({ requestId, status, code: refused, why: error.code }, 'a message was no request');
    end(socket, text);
  });
}

/** Either the newest request is the broken one and nobody has begun to answer it, or it is answered and the next one is broken. */
function isOwedAnAnswer({ request, response }: Exchange): boolean {
  return request.complete ? response.writableFinished : !response.headersSent;
}

function answerOf(refused: ProblemCode | TransportCode, broken: Exchange | undefined): { status: number; text: string; requestId: string } {
  const requestId = String(broken?.response.getHeader('x-request-id') ?? randomUUID());
  const instance = broken?.request.url?.split('?', 1)[0] ?? `urn:uuid:${requestId}`;
  const document = problemDocument({ refused }, { instance, requestId });
  const { status } = document;
  if (broken !== undefined) broken.response.statusCode = status; // For the request's log line and its metrics.
  const body = JSON.stringify(document);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `date: ${new Date().toUTCString()}`,
    `content-type: ${problemMediaType}; charset=utf-8`,
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'x-content-type-options: nosniff',
    `x-request-id: ${requestId}`,
    'connection: close',
  ];
  return { status, requestId, text: `${head.join('\r\n')}\r\n\r\n${body}` };
}

const lingerMs = 1_000; // Ample for an answer of one packet, and short for a client that goes on sending.

/**
 * Ends our side, and the whole connection a moment later. A socket that is closed while bytes of the client lie unread in it resets the connection, and many systems
 * then throw away what their program has not read yet: the answer (RFC 9112, section 9.6).
 */
function end(socket: Duplex, text = ''): void {
  socket.end(text);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
}
