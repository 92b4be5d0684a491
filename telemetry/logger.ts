import { isSpanContextValid, trace } from '@opentelemetry/api';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

export type { Logger } from 'pino';

/** Where a secret could sit in what is logged. Code should not log these at all; this is the net below it. */
const secretPaths = [
  'authorization',
  'token',
  'taskToken',
  'task_token',
  'password',
  'headers.authorization',
  'headers.cookie',
  'req.headers.authorization',
  'req.headers.cookie',
  '*.authorization',
  '*.token',
  '*.taskToken',
  '*.task_token',
  '*.password',
  '*.connectionString',
];

/** The structured log of one process. Every line inside a trace carries its ids, so that log and trace find each other. */
export function openLogger(service: string, destination: DestinationStream = pino.destination(1)): Logger {
  const options: LoggerOptions = {
    level: process.env.LOG_LEVEL ?? 'info',
    base: { service },
    redact: { paths: secretPaths, censor: '[redacted]' },
    serializers: { err: serializeError, error: serializeError },
    mixin: traceIds,
  };
  return pino(options, destination);
}

function traceIds(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span !== undefined && isSpanContextValid(span) ? { traceId: span.traceId, spanId: span.spanId } : {};
}

/** pino's own serializer follows the chain of causes; what it prints may name the password of a connection URL. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const written = pino.stdSerializers.err(error);
  return {
    type: written.type,
    message: withoutCredentials(written.message),
    stack: withoutCredentials(written.stack),
    code: (error as { code?: unknown }).code,
  };
}

function withoutCredentials(text: string): string {
  return text.replace(/(\w+:\/\/[^\s:/@]+:)[^\s@]+@/g, '$1[redacted]@');
}
