import { z } from 'zod';
import { type ProblemCode, problems } from '../ontology/problems.ts';
import { headerNames } from './header-names.ts';
import { problemMediaType, statusOf } from './problem.ts';
import type { ResponseDescription, Route } from './route.ts';
import { components } from './schemas/components.ts';
import { problemSchema } from './schemas/problem-schema.ts';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document, derived from the routes and the very schemas that check their input: what it says cannot differ from what is done. */
export function openApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replaceAll('*}', '}'); // OpenAPI has no parameter of several segments.
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Exequatur',
      version: '1',
      summary: 'Propose an action, see its plan, approve exactly that, have it executed once, revert it.',
      description:
        'Every error is a problem document (RFC 9457); match on its `code`. A message that cannot be read as a request is answered with one too, and the connection ' +
        'is closed: 400 `malformed_request`, 408 `request_timeout`, 431 `request_head_too_large`. Times are UTC. Lists are paged after AIP-158.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    tags: [
      { name: 'ontology', description: 'Definitions: what there is and what may be done with it.' },
      { name: 'proposals', description: 'Requests to act, from simulation to execution and back.' },
      { name: 'events', description: 'What happened, in order, for whoever follows it; `/asyncapi.json` describes them all.' },
      { name: 'objects', description: 'The instances.' },
      { name: 'policies', description: 'Who may do what, in Cedar, beside what the gate itself refuses.' },
      { name: 'principals', description: 'The directory: who has which standing.' },
      { name: 'audit', description: 'The log, and what proves it.' },
      { name: 'events', description: 'What happened, sent to whoever subscribes.' },
      { name: 'operations', description: 'Running it.' },
    ],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: componentSchemas(),
    },
  };
}

function operation(route: Route): Json {
  const { params, query, headers, body } = route.request ?? {};
  return {
    operationId: route.name,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.permission === 'public' ? { security: [] } : {}),
    'x-permission': route.permission,
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query'), ...parametersOf(headers, 'header')],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !body.safeParse(undefined).success,
            content: { 'application/json': { schema: referenceTo(body, 'input') } },
          },
        }),
    responses: {
      ...Object.fromEntries(Object.entries(route.responses).map(([status, description]) => [status, response(description)])),
      ...problemResponses(route),
    },
  };
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query' | 'header'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = inline(schema, 'input') as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(properties).map(([name, { description, ...value }]) => ({
    name: place === 'header' ? (headerNames[name] ?? name) : name,
    in: place,
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: value,
  }));
}

function response({ description, schema, mediaType, others = {}, headers }: ResponseDescription): Json {
  const kinds: [string, z.ZodType | null][] = Object.entries(others);
  if (schema !== undefined) kinds.unshift([mediaType ?? 'application/json', schema]);
  else if (mediaType !== undefined) kinds.unshift([mediaType, null]);
  const content =
    kinds.length === 0
      ? undefined
      : Object.fromEntries(kinds.map(([type, kind]) => [type, kind === null ? {} : { schema: referenceTo(kind, 'output') }]));
  return {
    description,
    ...(headers === undefined
      ? {}
      : {
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, words]) => [name, { description: words, schema: { type: 'string' } }]),
          ),
        }),
    ...(content === undefined ? {} : { content }),
  };
}

/** By status, since several codes may share one; each is named with its meaning. */
function problemResponses(route: Route): Json {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of problemsOf(route)) byStatus.set(statusOf(code), [...(byStatus.get(statusOf(code)) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${problems[code].title}`).join('\n\n'),
        content: { [problemMediaType]: { schema: referenceTo(problemSchema, 'output') } },
      },
    ]),
  );
}

/** What a route names itself, and what every call of its kind may meet. */
function problemsOf({ permission, request, problems: own = [] }: Route): ProblemCode[] {
  const everywhere: ProblemCode[] = ['malformed_request', 'unknown_field', 'internal'];
  const authenticated: ProblemCode[] =
    permission === 'public'
      ? []
      : ['unauthenticated', 'forbidden', 'policy_forbids', 'too_many_requests', 'overloaded', 'temporarily_unavailable'];
  const withBody: ProblemCode[] = request?.body === undefined ? [] : ['payload_too_large', 'unsupported_media_type'];
  return [...new Set([...everywhere, ...authenticated, ...withBody, ...own])];
}

function referenceTo(schema: z.ZodType, io: 'input' | 'output'): Json {
  const named = components.get(innermost(schema));
  return named === undefined ? inline(schema, io) : { $ref: `#/components/schemas/${named.id}` };
}

/** A body that may be left out is described by what it is when it is there. */
function innermost(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodPrefault ? innermost(schema.unwrap() as z.ZodType) : schema;
}

function inline(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...converted } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' }) as Json;
  return converted;
}

function componentSchemas(): Record<string, Json> {
  const { schemas } = z.toJSONSchema(components, {
    target: 'draft-2020-12',
    io: 'input',
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(schemas as Record<string, Json>).map(([id, { $schema: _, $id: __, id: ___, ...schema }]) => [id, schema]),
  );
}
