import { context, trace } from '@opentelemetry/api';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { describe, expect, it, vi } from 'vitest';
import { openLogger } from './logger.ts';

function lines(write: (logger: ReturnType<typeof openLogger>) => void): Record<string, unknown>[] {
  vi.stubEnv('LOG_LEVEL', 'info');
  const written: string[] = [];
  write(openLogger('test', { write: (line) => void written.push(line) }));
  vi.unstubAllEnvs();
  return written.map((line) => JSON.parse(line));
}

describe('the log', () => {
  it('never carries a bearer token, wherever the headers sit', () => {
    const text = JSON.stringify(
      lines((logger) => {
        logger.info({ req: { headers: { authorization: 'Bearer secret-1' } } }, 'a');
        logger.info({ headers: { authorization: 'Bearer secret-2' }, token: 'secret-3', caller: { token: 'secret-4' } }, 'b');
      }),
    );
    expect(text).not.toContain('secret-');
  });

  it("never carries the token by which a task is answered, in either of the SDK's spellings", () => {
    const text = JSON.stringify(
      lines((logger) => {
        logger.info({ taskToken: 'secret-1', task: { taskToken: 'secret-2' } }, 'a');
        logger.info({ task_token: 'secret-3', fields: { task_token: 'secret-4' } }, 'b');
      }),
    );
    expect(text).not.toContain('secret-');
  });

  it('hides the password of a connection URL that an error names', () => {
    const [line] = lines((logger) =>
      logger.error({ err: new Error('cannot connect to postgres://worker:hunter2@127.0.0.1:5432/x') }, 'away'),
    );
    expect(JSON.stringify(line)).not.toContain('hunter2');
    expect(JSON.stringify(line)).toContain('127.0.0.1:5432');
  });

  it('quotes no value that PostgreSQL could not use, also as a cause, and nothing else of its error', () => {
    const refused = Object.assign(new Error('invalid input syntax for type numeric: "secret-1"'), {
      code: '22P02',
      detail: 'Failing row contains (secret-2).',
      where: 'unnamed portal parameter $1 = secret-3',
    });
    const text = JSON.stringify(
      lines((logger) => {
        logger.error({ err: refused }, 'a');
        logger.error({ err: new Error('a step', { cause: refused }) }, 'b');
      }),
    );
    expect(text).not.toContain('secret-');
    expect(text).toContain('PostgreSQL could not use a value (22P02)');
  });

  it('follows the causes of an error, once', () => {
    const [line] = lines((logger) => logger.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed'));
    expect(JSON.stringify(line)).toContain('inner');
  });

  it('carries the ids of the trace that a line is written in', () => {
    new NodeTracerProvider().register();
    const span = trace.getTracer('test').startSpan('work');
    const [within, outside] = lines((logger) => {
      context.with(trace.setSpan(context.active(), span), () => logger.info('within'));
      logger.info('outside');
    });
    trace.disable();
    context.disable();
    const { traceId, spanId } = span.spanContext();
    expect(within).toMatchObject({ traceId, spanId });
    expect(outside).not.toHaveProperty('traceId');
  });

  it('names the service in every line', () => {
    const [line] = lines((logger) => logger.info('hello'));
    expect(line).toMatchObject({ service: 'test', msg: 'hello' });
  });
});
