import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

export const tracerName = 'exequatur';

/** What is needed of a node-postgres pool, so that this folder stays free of the driver. */
interface ClientLike {
  // biome-ignore lint/suspicious/noExplicitAny: the driver's overloads (text, config, callback) are passed through untouched.
  query: (...args: any[]) => any;
}
interface PoolLike {
  on(event: 'connect', listener: (client: ClientLike) => void): unknown;
}

const longestStatement = 200; // The start names the statement; the rest is the same every time.

/**
 * Makes each statement that a pool's connections run inside a trace a span of that trace: the text with its placeholders, never the values. Statements outside a
 * trace, and every statement while tracing is off, run as they were.
 */
export function traceQueries(pool: PoolLike): void {
  pool.on('connect', (client) => {
    const query = client.query.bind(client);
    client.query = (...args) => {
      const parent = trace.getActiveSpan();
      if (!parent?.isRecording()) return query(...args);
      const text = typeof args[0] === 'string' ? args[0] : String(args[0]?.text ?? '');
      const span = trace.getTracer(tracerName).startSpan(`SQL ${firstWords(text)}`, {
        kind: SpanKind.CLIENT,
        attributes: { 'db.system': 'postgresql', 'db.statement': text.slice(0, longestStatement) },
      });
      const running = query(...args);
      if (typeof running?.then !== 'function') {
        span.end(); // Called with a callback: when it ends is the caller's business.
        return running;
      }
      running.then(
        () => span.end(),
        () => {
          span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      );
      return running;
    };
  });
}

function firstWords(text: string): string {
  return text.trim().split(/\s+/, 2).join(' ').slice(0, 40);
}
