import { lookup as dnsLookup } from 'node:dns';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, isIPv6, type LookupFunction } from 'node:net';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import { canonicalText } from '../ontology/canonical-json.ts';
import type { JsonValue } from '../ontology/json.ts';
import type { Answer } from '../ontology/judge-answer.ts';
import { blockListOf, readAllowedAddress } from './allowed-addresses.ts';
import { isInside } from './inside-addresses.ts';
import { signatureHeaders } from './sign-request.ts';

export interface OutgoingRequest {
  /** For whom it is sent. */
  tenant: string;
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
  /** Asked once the connection stands, right before anything is written; nothing is where it says no. */
  mayBeSent?: () => boolean;
}

export interface SenderOptions {
  /** Addresses or CIDRs that the deployment allows although they are private, to all tenants or, with `@` and its id, to one. To these alone plain http may be spoken. */
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
  const entries = options.allowedAddresses.map(readAllowedAddress);
  const guardOf = (tenant: string | null) =>
    openGuard(
      options,
      entries.filter((entry) => entry.tenant === null || entry.tenant === tenant).map(({ cidr }) => cidr),
    );
  const common = guardOf(null);
  const guards = new Map(entries.flatMap(({ tenant }) => (tenant === null ? [] : [[tenant, guardOf(tenant)]])));
  return async (request, signal) => {
    const url = URL.canParse(request.url) ? new URL(request.url) : null;
    if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
      return forbidden('url', 'the URL is neither https nor http');
    if (url.username !== '' || url.password !== '') return forbidden('url', 'the URL holds a user or a password');
    const { agents, isAllowed, isRefused, isAnyAllowed } = guards.get(request.tenant) ?? common;
    if (url.protocol === 'http:' && !isAnyAllowed) return forbidden('plain_http', 'plain http is spoken to allowed addresses alone');
    const body = request.body === undefined ? undefined : Buffer.from(canonicalText(request.body), 'utf8');
    if (body !== undefined && body.length > (options.maxRequestBytes ?? defaultRequestBytes))
      return forbidden('too_large', 'the request is too large');
    if (isRefused(url.hostname.replace(/^\[|\]$/g, ''))) return insideAddress();
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
    const limits = {
      maxAnswerBytes: options.maxAnswerBytes ?? defaultAnswerBytes,
      timeoutMs: request.timeoutMs,
      signal,
      mayBeSent: request.mayBeSent ?? (() => true),
    };
    return exchange(sending, body, limits, (address) => !isRefused(address) && (!isPlain || isAllowed(address)), isPlain);
  };
}

interface Guard {
  agents: { http: RequestFilteringHttpAgent; https: RequestFilteringHttpsAgent };
  isAllowed(address: string): boolean;
  /** Beyond what the agents refuse by themselves. */
  isRefused(address: string): boolean;
  isAnyAllowed: boolean;
}

/** What keeps the requests of one tenant, or of all those that are not named, outside. */
function openGuard({ lookup = dnsLookup as LookupFunction, ca }: SenderOptions, cidrs: string[]): Guard {
  const allowed = blockListOf(cidrs);
  const isAllowed = (address: string) => isIP(address) !== 0 && allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  const isRefused = (address: string) => isInside(address) && !isAllowed(address);
  const filter = {
    keepAlive: false, // A connection that is used again would not be checked again.
    allowIPAddressList: cidrs,
    lookup: refusing(lookup, isRefused),
  };
  const agents = {
    http: new RequestFilteringHttpAgent(filter),
    https: new RequestFilteringHttpsAgent({ ...filter, ...(ca === undefined ? {} : { ca }) }),
  };
  return { agents, isAllowed, isRefused, isAnyAllowed: cidrs.length > 0 };
}

/** A name stands for nothing where any of its addresses is refused. */
function refusing(lookup: LookupFunction, isRefused: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, options, (error, found, family) => {
      const addresses = typeof found === 'string' ? [found] : (found ?? []).map(({ address }) => address);
      const refused = error === null ? addresses.find(isRefused) : undefined;
      if (refused === undefined) callback(error, found, family);
      else callback(new Error(`${refused} is not allowed`), found, family);
    });
}

function insideAddress(): Answer {
  return forbidden('address', 'the address is not one that may be reached');
}

function forbidden(code: string, reason: string): Answer {
  return { kind: 'forbidden', code, reason };
}

interface Limits {
  maxAnswerBytes: number;
  timeoutMs: number;
  signal: AbortSignal;
  mayBeSent: () => boolean;
}

/**
 * Nothing is written before the connection stands and, where it is encrypted, the other side has shown its certificate: a failure up to then is one after which surely nothing
 * was received. `mayReach` says of the address that is connected to whether something may be sent to it.
 */
function exchange(
  sending: ClientRequest,
  body: Buffer | undefined,
  { maxAnswerBytes, timeoutMs, signal, mayBeSent }: Limits,
  mayReach: (address: string) => boolean,
  isPlain: boolean,
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
      socket.once(isPlain ? 'connect' : 'secureConnect', () => {
        if (!mayReach(socket.remoteAddress ?? ''))
          return end(isPlain ? forbidden('plain_http', 'plain http is spoken to allowed addresses alone') : insideAddress());
        // A process that stood still finds the connection before it finds that the time is over.
        if (performance.now() > deadline) return fail('timeout', `no connection within ${timeoutMs} ms`);
        if (!mayBeSent()) return fail('too_late', 'when the connection stood it might be sent no more');
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
