import type { z } from 'zod';
import type { AuthorityRequest } from '../ontology/authority.ts';
import type { ProblemCode } from '../ontology/problems.ts';
import type { Refusal } from '../store/refusal.ts';
import type { Kind } from './admission.ts';
import type { ApiContext } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';
import type { FaultPlace } from './problem.ts';

/**
 * Which question of the gate a call asks. `public` calls ask none and get no caller: they say nothing of any tenant. Nor do those of `installation:read`, which are for
 * operators of the installation, whom their token alone makes so.
 */
export type Permission = AuthorityRequest['action'] | 'installation:read' | 'public';

export interface ResponseDescription {
  description: string;
  /** A component; without one the response has no body, or one that is not JSON. */
  schema?: z.ZodType;
  mediaType?: string;
  /** What it may be besides, where the caller accepts that: JSON of a schema, or where that is null what is no JSON. */
  others?: Record<string, z.ZodType | null>;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  /** Sent as JSON, unless `mediaType` says that it is text or bytes, which it then is. */
  body?: unknown;
  mediaType?: string;
  /** Sent piece by piece in place of a body; where it fails, the connection breaks off. */
  stream?: AsyncIterable<string>;
  /** How long a reader of the stream may take nothing, ms, before the connection is broken off. */
  patienceMs?: number;
  headers?: Record<string, string>;
}

/** A refusal may say where in the request its faults point; else the query of a GET, or the body, is assumed. */
export type RouteRefusal = Refusal & { place?: FaultPlace };

type Schema = z.ZodType;
type Output<S> = S extends z.ZodType ? z.output<S> : undefined;

export interface RequestSchemas<
  P extends Schema | undefined,
  Q extends Schema | undefined,
  H extends Schema | undefined,
  B extends Schema | undefined,
> {
  params?: P;
  query?: Q;
  /** Over `{ifMatch, idempotencyKey, prefer, lastEventId}`, each the header's text. */
  headers?: H;
  body?: B;
}

export interface RouteInput<P, Q, H, B> {
  params: Output<P>;
  query: Output<Q>;
  headers: Output<H>;
  body: Output<B>;
  caller: AuthenticatedCaller;
  /** When the caller's token ends, ms since 1970. */
  expiresAt: number;
  /** Which of these media types the caller would rather have; the first where it does not say. */
  prefers<T extends string>(mediaTypes: readonly [T, ...T[]]): T;
  /** Aborted once nobody is there to be answered: what only waits is to end. */
  gone: AbortSignal;
}

/** One operation: how it is called, who may call it, what comes of it. Everything that is served, documented and tested is derived from this. */
export interface RouteDefinition<
  P extends Schema | undefined,
  Q extends Schema | undefined,
  H extends Schema | undefined,
  B extends Schema | undefined,
> {
  /** The operation's name in OpenAPI; a wire contract. */
  name: string;
  method: 'get' | 'post' | 'put' | 'delete';
  /** With `{name}` for parameters, and `{name*}` for one that has slashes. */
  path: string;
  tag: 'ontology' | 'proposals' | 'events' | 'objects' | 'principals' | 'policies' | 'audit' | 'operations';
  summary: string;
  description?: string;
  permission: Permission;
  /** Where it gives the engine work: it waits in front of the engine while that has enough, what begins something behind what goes on with it. */
  engine?: Kind;
  request?: RequestSchemas<P, Q, H, B>;
  responses: Record<number, ResponseDescription>;
  /** What it may refuse beyond what every call may. */
  problems?: readonly ProblemCode[];
  handle(input: RouteInput<P, Q, H, B>, context: ApiContext): Promise<Answer | RouteRefusal> | Answer | RouteRefusal;
}

export type Route = RouteDefinition<Schema | undefined, Schema | undefined, Schema | undefined, Schema | undefined>;

export function route<
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  H extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
>(definition: RouteDefinition<P, Q, H, B>): Route {
  return definition as unknown as Route;
}
