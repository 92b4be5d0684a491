import { randomUUID } from 'node:crypto';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import type { Request, RequestHandler, Response } from 'express';
import type { Logger } from '../telemetry/logger.ts';
import type { AuthenticatedCaller } from './authenticate.ts';
import { type ProblemDocument, problemDocument } from './problem.ts';
import type { RouteRefusal } from './route.ts';

/** A caller's own id is kept, so that its log and ours can be joined; anything that is not plainly an id is replaced. */
const acceptableId = /^[\w.:-]{1,128}$/;

/** Middleware: gives each request an id and a logger, and writes one line when it ends. Reads that went well are many and say little, so they are debug lines. */
export function logRequests(logger: Logger): RequestHandler {
  return (request, response, next) => {
    const given = request.get('x-request-id');
    const requestId = given !== undefined && acceptableId.test(given) ? given : randomUUID();
    const startedAt = performance.now();
    response.locals.requestId = requestId;
    response.locals.logger = logger.child({ requestId });
    response.setHeader('x-request-id', requestId);
    response.once('close', () => {
      const { statusCode: status } = response;
      const caller = response.locals.caller as AuthenticatedCaller | undefined;
      const line = {
        method: request.method,
        path: pathOf(request),
        status,
        ms: Math.round(performance.now() - startedAt),
        tenant: caller?.tenant,
        ...proposalsOf(pathOf(request), String(response.getHeader('location') ?? '')),
        principal: caller?.id,
      };
      const quiet = status < 400 && (request.method === 'GET' || request.method === 'HEAD');
      logOf(response)[status >= 500 ? 'error' : quiet ? 'debug' : 'info'](line, 'request');
    });
    next();
  };
}

/** The proposal that the request made, or else the one that it asked about; of a revert both, since each has a history to which the line belongs. */
function proposalsOf(path: string, location: string): { proposal: string | undefined; revertOfProposal?: string } {
  const [asked, made] = [proposalIn(path), proposalIn(location)];
  return { proposal: made ?? asked, ...(asked === undefined || made === undefined ? {} : { revertOfProposal: asked }) };
}

function proposalIn(path: string): string | undefined {
  return /\/proposals\/([0-9a-f-]{36})(?:\/|$)/.exec(path)?.[1];
}

export function logOf(response: Response): Logger {
  return response.locals.logger as Logger;
}

/** Without the query, in which a filter may name people. */
export function pathOf(request: Request): string {
  return request.originalUrl.split('?', 1)[0] ?? '';
}

/** A refusal as this request hears it. */
export function problemAnswer(
  request: Request,
  response: Response,
  refusal: RouteRefusal,
): { status: number; headers: Record<string, string>; document: ProblemDocument } {
  const span = trace.getActiveSpan()?.spanContext();
  // What is wrong with a call that has no body is in its query, unless the refusal says where else.
  const place = request.method === 'GET' || request.method === 'HEAD' ? 'query' : 'body';
  const document = problemDocument(
    { place, ...refusal },
    {
      instance: pathOf(request),
      requestId: response.locals.requestId as string,
      ...(span !== undefined && isSpanContextValid(span) ? { traceId: span.traceId } : {}),
    },
  );
  return { status: document.status, headers: headersOf(document.status, refusal.retryAfterS), document };
}

const shortRetryS = 1; // Outages end at any moment, and the calls are safe to repeat.

function headersOf(status: number, retryAfterS = shortRetryS): Record<string, string> {
  if (status === 401) return { 'www-authenticate': 'Bearer realm="exequatur", error="invalid_token"' };
  if (status === 503 || status === 429) return { 'retry-after': String(retryAfterS) };
  return {};
}
