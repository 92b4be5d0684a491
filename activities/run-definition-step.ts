import { Context } from '@temporalio/activity';
import type pg from 'pg';
import type { Logger } from '../telemetry/logger.ts';
import { failureOf } from './run-step.ts';

export interface DefinitionStepDeps {
  /** Connections of the worker's login. */
  pool: pg.Pool;
  logger: Logger;
}

const heartbeatMs = 3_000; // Several beats within the heartbeat timeout, also while a step waits for a lock.

/** What activities on definitions have in common: heartbeats, one log line when they fail, and failures of stable types that carry none of the database's words. */
export async function runDefinitionStep<T>(
  { pool, logger }: DefinitionStepDeps,
  about: { tenant: string } & ({ objectType: string } | { migration: string } | { schedule: string }),
  failed: string,
  work: () => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const beating = setInterval(() => context.heartbeat(), heartbeatMs);
  try {
    return await work();
  } catch (error) {
    logger.error({ err: error, ...about, attempt: context.info.attempt }, failed);
    throw await failureOf(pool, error, context.info.attempt);
  } finally {
    clearInterval(beating);
  }
}
