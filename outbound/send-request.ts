import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import { canonicalText } from '../ontology/canonical-json.ts';
import type { JsonValue } from '../ontology/json.ts';
import type { Answer } from '../ontology/judge-answer.ts';
import { signatureHeaders } from './sign-request.ts';

export interface OutgoingRequest {
  method: string;
  url: string;
  /** Sent as RFC 8785 text. */
  body?: JsonValue;
  /** Of the body; `application/json` unless said. */
  contentType?: string;
  /** Stable over attempts: `webhook-id` and `idempotency-key`. */
  id: string;
  /** `whsec_...`, newest first; each signs. */
  secrets: readonly string[];
  /** What the signatures are dated; receivers refuse one that is minutes off. */
  at: Date;
  /** Secret headers, such as `authorization`. */
  headers: Readonly<Record<string, string>>;
  timeoutMs: number;
}

export interface SenderOptions {
  /** Addresses or CIDRs that the deployment allows although they are private. To these alone plain http may be spoken. */
  allowedAddresses: readonly string[];
  maxAnswerBytes?: number;
  maxRequestBytes?: number;
  /** For tests of what a hostile name server can do. */
  lookup?: LookupFunction;
  /** Certificate authorities beside the usual ones. */
  ca?: string;
}

export type Send = (request: OutgoingRequest, signal: AbortSignal) => Promise<Answer>;

const defaultAnswerBytes = 256 * 1024;
const defaultRequestBytes = 1024 * 1024;
const maxHeaderBytes = 16 * 1024;

/**
 * Sends a request out of the house. Addresses are checked when the connection is made, on what is connected to, so that no spelling, no name server and no second answer of
 * one leads inside; nothing follows a redirection; the whole exchange has one time limit. Reasons tell nothing of what was sent or answered.
 */
export function openSender(options: SenderOptions): Send {
  const filter = {
    keepAlive: false, // A connection that is used again would not be checked again.
    allowIPAddressList: options.allowedAddresses.map(asCidr), // Read as CIDRs, so that another spelling of an address is the same address.
    ...(options.lookup ? { lookup: options.lookup } : {}),
  };
  const agents = {
    http: new RequestFilteringHttpAgent(filter),
    https: new RequestFilteringHttpsAgent({ ...filter, ...(options.ca === undefined ? {} : { ca: options.ca }) }),
  };
  const allowed = addressList(options.allowedAddresses);
  return async (request, signal) => {
    const url = URL.canParse(request.url) ? new URL(request.url) : null;
    if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
      return forbidden('url', 'the URL is neither https nor http');
    if (url.username !== '' || url.password !== '') return forbidden('url', 'the URL holds a user or a password');
    if (url.protocol === 'http:' && options.allowedAddresses.length === 0)
      return forbidden('plain_http', 'plain http is spoken to allowed addresses alone');
    const body = request.body === undefined ? undefined : Buffer.from(canonicalText(request.body), 'utf8');
    if (body !== undefined && body.length > (options.maxRequestBytes ?? defaultRequestBytes))
      return forbidden('too_large', 'the request is too large');
    const isHidden = (address: string) => isIPv6(address) && hidden.check(address, 'ipv6') && !allowed.check(address, 'ipv6');
    if (isHidden(url.hostname.slice(1, -1))) return insideAddress();
    const isPlain = url.protocol === 'http:';
    const sending = (isPlain ? httpRequest : httpsRequest)(url, {
      method: request.method,
      agent: isPlain ? agents.http : agents.https,
      maxHeaderSize: maxHeaderBytes,
      headers: {
        ...request.headers,
        accept: 'application/json',
        'user-agent': 'exequatur',
        'idempotency-key': request.id,
        ...(body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json', 'content-length': String(body.length) }),
        ...signatureHeaders(request.id, body?.toString('utf8') ?? '', request.secrets, request.at),
      },
    });
    const limits = { maxAnswerBytes: options.maxAnswerBytes ?? defaultAnswerBytes, timeoutMs: request.timeoutMs, signal };
    sending.on('socket', (socket) =>
      socket.on('lookup', (_error, address) => {
        if (isHidden(address)) sending.destroy(new Error(`${address} is not allowed`));
      }),
    );
    return exchange(sending, body, limits, isPlain ? (address) => allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') : null);
  };
}

/** IPv4 addresses in the form that IPv6 once had for them, `::10.0.0.1`, which the filter takes for addresses of anybody. */
const hidden = new BlockList();
hidden.addSubnet('::', 96, 'ipv6');

function insideAddress(): Answer {
  return forbidden('address', 'the address is not one that may be reached');
}

function asCidr(entry: string): string {
  return entry.includes('/') ? entry : `${entry}/${isIPv6(entry) ? 128 : 32}`;
}

function forbidden(code: string, reason: string): Answer {
  return { kind: 'forbidden', code, reason };
}

interface Limits {
  maxAnswerBytes: number;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Nothing is written before the connection stands and, where it is encrypted, the other side has shown its certificate: a failure up to then is one after which surely nothing
 * was received. `mayBePlain` says of an address whether something may be sent to it in the clear; null where nothing is.
 */
function exchange(
  sending: ClientRequest,
  body: Buffer | undefined,
  { maxAnswerBytes, timeoutMs, signal }: Limits,
  mayBePlain: ((address: string) => boolean) | null,
): Promise<Answer> {
  return new Promise((resolve) => {
    let isSent = false;
    const deadline = performance.now() + timeoutMs;
    const end = (answer: Answer) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      resolve(answer);
      sending.destroy();
    };
    const fail = (code: string, reason: string) => end({ kind: isSent ? 'lost' : 'not_sent', code, reason });
    const stop = () => fail('stopped', 'the attempt was stopped');
    const timer = setTimeout(() => fail('timeout', `no answer within ${timeoutMs} ms`), timeoutMs);
    signal.addEventListener('abort', stop);
    sending.on('error', (error: Error & { code?: string }) => {
      if (!isSent && guardWords.test(error.message)) return end(insideAddress());
      fail(error.code ?? 'network', `${isSent ? 'the connection failed' : 'no connection was made'} (${error.code ?? error.name})`);
    });
    sending.on('socket', (socket) => {
      socket.once(mayBePlain === null ? 'secureConnect' : 'connect', () => {
        if (mayBePlain !== null && !mayBePlain(socket.remoteAddress ?? '')) {
          return end(forbidden('plain_http', 'plain http is spoken to allowed addresses alone'));
        }
        // A process that stood still finds the connection before it finds that the time is over.
        if (performance.now() > deadline) return fail('timeout', `no connection within ${timeoutMs} ms`);
        isSent = true;
        sending.end(body);
      });
    });
    sending.on('response', (response) =>
      readAnswer(response, maxAnswerBytes).then(end, (error: Error) => fail('broken_answer', error.message)),
    );
    if (signal.aborted) stop();
  });
}

/** What the filter says of an address that it refuses; it gives no code. */
const guardWords = /is not allowed/;

async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw size > maxBytes ? error : new Error('the answer broke off');
  }
  const retryAfterMs = retryAfterOf(response.headers['retry-after']);
  return {
    kind: 'answered',
    status: response.statusCode ?? 0,
    body: jsonOf(Buffer.concat(chunks)),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function jsonOf(bytes: Buffer): JsonValue | undefined {
  try {
    return bytes.length === 0 ? undefined : (JSON.parse(bytes.toString('utf8')) as JsonValue);
  } catch {
    return undefined;
  }
}

/** Seconds, or a date. */
function retryAfterOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Addresses and CIDRs as one list. @throws where one is neither. */
export function addressList(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of addresses) {
    const [address = '', bits] = entry.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits)))
      throw new Error(`${entry} is neither an address nor a CIDR`);
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
