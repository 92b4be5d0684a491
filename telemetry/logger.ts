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

const maxCauses = 8; // A chain of causes may lead back to its beginning.

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

/**
 * pino's own serializer follows the chain of causes; what it prints may name the password of a connection URL, or quote a value that PostgreSQL could not use. What
 * else the driver hangs on its errors, such as a failing row, is not taken over.
 */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const written = pino.stdSerializers.err(error);
  const quoting = dataExceptions(error);
  return {
    type: written.type,
    message: withoutCredentials(withoutQuotes(written.message, quoting)),
    stack: withoutCredentials(withoutQuotes(written.stack, quoting)),
    code: (error as { code?: unknown }).code,
  };
}

/** Errors of SQLSTATE class 22 among an error and its causes: those alone quote the data that they are about. */
function dataExceptions(error: Error): { code: string; message: string }[] {
  const found: { code: string; message: string }[] = [];
  let at: unknown = error;
  for (let depth = 0; at instanceof Error && depth < maxCauses; depth++) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && /^22[0-9A-Z]{3}$/.test(code) && at.message !== '') found.push({ code, message: at.message });
    at = at.cause;
  }
  return found;
}

function withoutQuotes(text: string, quoting: readonly { code: string; message: string }[]): string {
  return quoting.reduce((rest, { code, message }) => rest.replaceAll(message, `PostgreSQL could not use a value (${code})`), text);
}

function withoutCredentials(text: string): string {
  return text.replace(/(\w+:\/\/[^\s:/@]+:)[^\s@]+@/g, '$1[redacted]@');
}
