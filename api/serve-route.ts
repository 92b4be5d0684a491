import { Readable } from 'node:stream';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { z } from 'zod';
import { isStorableText, pointerTo } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { readShape } from '../ontology/read-shape.ts';
import { isRefusal, refuse } from '../store/refusal.ts';
import type { Place } from './admission.ts';
import type { ApiContext } from './api-context.ts';
import { type AuthenticatedCaller, authenticateOperator } from './authenticate.ts';
import { headerNames } from './header-names.ts';
import { type FaultPlace, problemMediaType } from './problem.ts';
import { readJson } from './read-json.ts';
import { codeOf } from './request-faults.ts';
import { logOf, problemAnswer } from './request-log.ts';
import type { Answer, Route, RouteInput, RouteRefusal } from './route.ts';
import { tellRefusal } from './tell-refusal.ts';

/** 4 MiB: room for the largest list parameters, far below what would hurt one process that serves many. */
export const maxBodyBytes = 4 * 1024 * 1024;

const readRaw = express.raw({ type: () => true, limit: maxBodyBytes });

type Parsed<T> = { ok: true; value: T } | { ok: false; refusal: RouteRefusal };

/** Serves one route. Who calls is settled before anything of the request is looked at, and the body is read last, so a stranger cannot make us buffer it. */
export function serveRoute(app: Express, route: Route, context: ApiContext): void {
  app[route.method](expressPath(route.path), async (request: Request, response: Response, next: NextFunction) => {
    try {
      send(request, response, await answer(route, request, response, context));
    } catch (error) {
      next(error);
    }
  });
}

/** `{name}` is one segment, `{name*}` as many as there are. */
export function expressPath(path: string): string {
  return path
    .replaceAll(':', '\\:')
    .replace(/\{(\w+)\*\}/g, '*$1')
    .replace(/\{(\w+)\}/g, ':$1');
}

function readPath(parameters: Request['params']): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, Array.isArray(value) ? value.join('/') : value]));
}

async function answer(route: Route, request: Request, response: Response, context: ApiContext): Promise<Answer | RouteRefusal> {
  const input: Record<string, unknown> = {};
  if (route.permission !== 'public') {
    const { authorization } = request.headers;
    const authentication = await (route.permission === 'installation:read'
      ? authenticateOperator(authorization, context.resources.operatorTokens ?? null)
      : context.callers.authenticate(authorization));
    if ('refused' in authentication) {
      logOf(response).debug({ why: authentication.why }, 'not authenticated');
      if (authentication.refused === 'unauthenticated' && authorization !== undefined)
        context.logins.refused(authentication.why, authorization, request.socket.remoteAddress);
      return refuse(authentication.refused);
    }
    input.caller = authentication.caller;
    input.expiresAt = authentication.expiresAt;
    response.locals.caller = authentication.caller;
    const { tenant } = authentication.caller;
    const turned = (route.engine ? context.engine.refusal(tenant) : null) ?? context.admission.refusal(tenant);
    if (turned !== null) return refuse(turned); // Before anything is read of it.
  }
  const { params, query, headers, body } = route.request ?? {};
  const path = parse(params, readPath(request.params), 'path');
  if (!path.ok) return path.refusal;
  const asked = readQuery(request.originalUrl);
  const search = asked.ok ? parse(query, asked.value, 'query') : asked;
  if (!search.ok) return search.refusal;
  const preconditions = parse(headers, readHeaders(request), 'header');
  if (!preconditions.ok) return preconditions.refusal;
  const content = body === undefined ? ({ ok: true, value: undefined } as const) : await readBody(body, request, response);
  if (!content.ok) return content.refusal;
  const gone = new AbortController();
  response.once('close', () => gone.abort('closed')); // Also after the answer: streams end so. With a reason, since without one each call would make an error with its stack.
  if (request.socket.destroyed) gone.abort(); // It left while the request was read.
  const whole = {
    ...input,
    params: path.value,
    query: search.value,
    headers: preconditions.value,
    body: content.value,
    prefers: (mediaTypes: readonly [string, ...string[]]) => request.accepts([...mediaTypes]) || mediaTypes[0],
    gone: gone.signal,
  };
  const handle = (own: ApiContext) => route.handle(whole as RouteInput<z.ZodType, z.ZodType, z.ZodType, z.ZodType>, own);
  const caller = response.locals.caller as AuthenticatedCaller | undefined;
  if (caller === undefined) return handle(context); // Health and metrics are answered however much there is to do.
  const { tenant } = caller;
  const work = async (engine?: Place) => {
    const outcome = await context.admission.run(tenant, (worked) => handle(context.during({ worked, engine })));
    if ('turned' in outcome) return refuse(outcome.turned);
    if (isRefusal(outcome.answer) && outcome.answer.refused === 'forbidden')
      await context.logins.forbidden(caller, request.socket.remoteAddress);
    if (isRefusal(outcome.answer)) await tellRefusal(route, outcome.answer, { caller, params: path.value, body: content.value }, context);
    return outcome.answer;
  };
  if (!route.engine) return work();
  const outcome = await context.engine.run(tenant, work, route.engine);
  return 'turned' in outcome ? refuse(outcome.turned) : outcome.answer;
}

function parse(schema: z.ZodType | undefined, value: unknown, place: FaultPlace): Parsed<unknown> {
  if (schema === undefined) return place === 'query' ? refuseExtras(value as Record<string, string>) : { ok: true, value: undefined };
  const outcome = readShape(schema, value, 'malformed_request');
  if ('value' in outcome) return { ok: true, value: outcome.value };
  const { faults } = outcome;
  // A missing precondition has a status of its own, which tells the client what to do about it.
  if (place === 'header' && faults.some(({ pointer }) => pointer === '/ifMatch') && (value as { ifMatch?: string }).ifMatch === undefined)
    return refused('if_match_required', [], place);
  return refused(codeOf(faults), place === 'header' ? faults.map(ofHeader) : faults, place);
}

/** Schemas name headers as properties; clients know them as they sent them. */
function ofHeader(fault: Fault): Fault {
  return { ...fault, pointer: (fault.pointer ?? '').replace(/^\/(\w+)/, (_, name: string) => `/${headerNames[name] ?? name}`) };
}

function refuseExtras(query: Record<string, string>): Parsed<undefined> {
  const faults = Object.keys(query).map(
    (name): Fault => ({ code: 'unknown_field', pointer: pointerTo('', name), message: 'is not known here' }),
  );
  return faults.length === 0 ? { ok: true, value: undefined } : refused('unknown_field', faults, 'query');
}

function readHeaders(request: Request): Record<string, string> {
  const given = {
    ifMatch: request.get('if-match'),
    idempotencyKey: request.get('idempotency-key'),
    prefer: request.get('prefer'),
    lastEventId: request.get('last-event-id'),
  };
  return Object.fromEntries(Object.entries(given).filter((header): header is [string, string] => header[1] !== undefined));
}

/** Each name once, each value text that can be stored. */
function readQuery(url: string): Parsed<Record<string, string>> {
  const mark = url.indexOf('?');
  const given = [...new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1))];
  const faults: Fault[] = [];
  const values = new Map<string, string>();
  for (const [name, value] of given) {
    if (values.has(name)) faults.push({ code: 'malformed_request', pointer: pointerTo('', name), message: 'is given twice' });
    else if (name === '__proto__' || !isStorableText(name + value))
      faults.push({ code: 'malformed_request', pointer: pointerTo('', name), message: 'cannot be used' });
    values.set(name, value);
  }
  return faults.length === 0 ? { ok: true, value: Object.fromEntries(values) } : refused('malformed_request', faults, 'query');
}

async function readBody(schema: z.ZodType, request: Request, response: Response): Promise<Parsed<unknown>> {
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (hasBody && !isJson(request.headers['content-type'])) return refused('unsupported_media_type', [], 'body');
  const isRead = await Promise.race([readWhole(request, response), isTooLong(request).then(() => false)]);
  if (!isRead) {
    response.set('Connection', 'close'); // What else comes is not read.
    return refused('payload_too_large', [], 'body');
  }
  const bytes: unknown = request.body;
  const empty = !(bytes instanceof Uint8Array) || bytes.length === 0;
  if (empty) {
    const outcome = schema.safeParse(undefined);
    return outcome.success
      ? { ok: true, value: outcome.data }
      : refused('malformed_request', [{ code: 'malformed_request', pointer: '', message: 'a JSON body is required' }], 'body');
  }
  const json = readJson(bytes);
  if (!json.ok) return refused(codeOf(json.faults), json.faults, 'body');
  return parse(schema, json.value, 'body');
}

function readWhole(request: Request, response: Response): Promise<true> {
  return new Promise((resolve, reject) =>
    readRaw(request, response, (error?: unknown) => (error === undefined ? resolve(true) : reject(error))),
  );
}

/** Settles once a body is known to be over the limit, by its head or by what has come: the reader itself says so only when the last of it has come, if ever. */
function isTooLong(request: Request): Promise<void> {
  return new Promise((resolve) => {
    let left = maxBodyBytes;
    if (Number(request.headers['content-length'] ?? 0) > left) resolve();
    request.on('data', (chunk: Uint8Array) => {
      left -= chunk.byteLength;
      if (left < 0) resolve();
    });
  });
}

/** `application/json`, or a structured type such as `application/merge-patch+json`; a charset may only say UTF-8. */
function isJson(contentType: string | undefined): boolean {
  const match = /^application\/(?:[\w.-]+\+)?json\s*(?:;\s*charset="?([\w-]+)"?\s*)?$/i.exec(contentType ?? '');
  return match !== null && (match[1] === undefined || match[1].toLowerCase() === 'utf-8');
}

function refused(code: RouteRefusal['refused'], faults: Fault[], place: FaultPlace): { ok: false; refusal: RouteRefusal } {
  return { ok: false, refusal: { refused: code, faults, place } };
}

function send(request: Request, response: Response, outcome: Answer | RouteRefusal): void {
  if (isRefusal(outcome)) {
    const problem = problemAnswer(request, response, outcome);
    response.status(problem.status).set(problem.headers).type(problemMediaType).send(JSON.stringify(problem.document));
    return;
  }
  response.status(outcome.status).set(outcome.headers ?? {});
  if (outcome.stream !== undefined) {
    response.type(outcome.mediaType ?? 'text/plain');
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    if (outcome.patienceMs !== undefined) response.setTimeout(outcome.patienceMs, () => response.destroy());
    const pieces = Readable.from(outcome.stream, { highWaterMark: 1 }); // What is not taken yet is not made yet.
    // What fails after the first bytes cannot be told any more but by breaking off.
    pieces.on('error', (error) => {
      logOf(response).warn({ err: error }, 'an answer broke off');
      response.destroy();
    });
    response.once('close', () => pieces.destroy());
    pieces.pipe(response);
  } else if (outcome.mediaType !== undefined) response.type(outcome.mediaType).send(outcome.body);
  else if (outcome.body === undefined) response.end();
  else response.type('application/json').send(JSON.stringify(outcome.body));
}
