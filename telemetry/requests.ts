import type { IncomingMessage, ServerResponse } from 'node:http';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { Histogram, type Registry } from 'prom-client';
import { tracerName } from './spans.ts';

type RequestHandler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** Express puts the matched route on the request; its pattern is the label, since paths carry ids. */
function routeOf(request: IncomingMessage): string {
  const { route, baseUrl } = request as { route?: { path?: unknown }; baseUrl?: string };
  return typeof route?.path === 'string' ? `${baseUrl ?? ''}${route.path}` : 'unmatched';
}

/** Middleware: a span for each request, continuing the caller's trace; what the request leads to, down to the workflow's activities, becomes its children. */
export function traceRequests(): RequestHandler {
  return (request, response, next) => {
    const tracer = trace.getTracer(tracerName);
    const caller = propagation.extract(context.active(), request.headers);
    const span = tracer.startSpan(
      request.method ?? 'GET',
      { kind: SpanKind.SERVER, attributes: { 'http.request.method': request.method ?? 'GET' } },
      caller,
    );
    response.once('close', () => {
      const route = routeOf(request);
      span.updateName(`${request.method} ${route}`);
      span.setAttributes({ 'http.route': route, 'http.response.status_code': response.statusCode });
      if (response.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    });
    context.with(trace.setSpan(caller, span), next);
  };
}

/** Middleware: how long requests take, by route and status. */
export function measureRequests(registry: Registry): RequestHandler {
  const seconds = new Histogram({
    name: 'exequatur_http_request_duration_seconds',
    help: 'Duration of HTTP requests by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return (request, response, next) => {
    const stop = seconds.startTimer();
    response.once('close', () => stop({ method: request.method ?? 'GET', route: routeOf(request), status: String(response.statusCode) }));
    next();
  };
}
