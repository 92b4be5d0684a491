import { context, propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { Resource } from '@opentelemetry/resources';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';

/** Traces of one process. `plugins` go to the Temporal client and worker, which then carry the trace through the workflow into its activities. */
export interface Tracing {
  readonly plugins: OpenTelemetryPlugin[];
  /** Sends what is buffered. */
  stop(): Promise<void>;
}

const off: Tracing = { plugins: [], stop: async () => {} };

/**
 * Starts tracing when OTEL_EXPORTER_OTLP_ENDPOINT names a collector; otherwise spans cost nothing and go nowhere. MUST be called before the process opens its
 * Temporal client. A collector that is away loses spans and nothing else.
 */
export function startTracing(service: string, endpoint = process.env.OTEL_EXPORTER_OTLP_ENDPOINT): Tracing {
  if (!endpoint) return off;
  const resource = new Resource({ 'service.name': service });
  const processor = new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` }), {
    scheduledDelayMillis: 1_000,
  });
  const provider = new NodeTracerProvider({ resource, spanProcessors: [processor] });
  provider.register({ propagator: new W3CTraceContextPropagator() });
  return {
    plugins: [new OpenTelemetryPlugin({ resource, spanProcessor: processor })],
    async stop() {
      await provider.shutdown().catch(() => {});
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}
