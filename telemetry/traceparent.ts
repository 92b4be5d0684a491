import { context, isSpanContextValid, propagation, trace } from '@opentelemetry/api';

/** The W3C trace context of what is under way, or null outside of a trace that is recorded. */
export function currentTraceparent(): string | null {
  const span = trace.getActiveSpan();
  if (!span?.isRecording()) return null;
  const { traceId, spanId, traceFlags } = span.spanContext();
  return isSpanContextValid(span.spanContext()) ? `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}` : null;
}

/** Does the work as part of the trace that this context is of; of none where there is none, or tracing is off. */
export function withinTrace<T>(traceparent: string | null, work: () => Promise<T>): Promise<T> {
  if (traceparent === null) return work();
  return context.with(propagation.extract(context.active(), { traceparent }), work);
}
