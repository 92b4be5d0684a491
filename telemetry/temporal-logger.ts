import type { Logger } from 'pino';

/** The levels that Temporal's SDK logs at, and pino's names for them. */
const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
type Level = keyof typeof levels;
type Meta = Record<string | symbol, unknown>;

/** The shape of the SDK's logger, so that its lines come out in the same form as all others. */
export interface TemporalLogger {
  log(level: Level, message: string, meta?: Meta): void;
  trace(message: string, meta?: Meta): void;
  debug(message: string, meta?: Meta): void;
  info(message: string, meta?: Meta): void;
  warn(message: string, meta?: Meta): void;
  error(message: string, meta?: Meta): void;
}

export function temporalLogger(logger: Logger): TemporalLogger {
  const log = (level: Level, message: string, meta: Meta = {}) => {
    const { error, ...fields } = meta;
    logger[levels[level]](error === undefined ? fields : { ...fields, err: error }, message);
  };
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}
