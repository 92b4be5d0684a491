import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type pg from 'pg';
import { PolicyEngineAway } from '../ontology/policy-engine.ts';
import { isOutage } from '../store/is-outage.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ProposalStart } from '../workflows/proposal.contract.ts';
import { failureTypes, type ProposalState } from '../workflows/proposal-activities.contract.ts';
import type { StepDurations } from './measure-steps.ts';

interface StepDeps {
  pool: pg.Pool;
  logger: Logger;
  durations: StepDurations;
}

const heartbeatMs = 1_000; // Several beats within the shortest heartbeat timeout, that of a step outside, so that one late beat kills nothing.
const maxAttempts = 4; // A defect does not go away by itself; a rolling update or a passing shortage of memory may, within the seconds that four attempts take.

/** What every activity has in common: heartbeats, which say what is `told`, its duration, one log line when it fails, and failures of stable types that carry none of the database's words. */
export async function runStep(
  deps: StepDeps,
  name: string,
  start: ProposalStart,
  work: () => Promise<ProposalState | null>,
  told: () => unknown = () => undefined,
): Promise<ProposalState> {
  const { info } = Context.current();
  const beating = info.isLocal ? undefined : setInterval(() => Context.current().heartbeat(told()), heartbeatMs);
  const stop = deps.durations.startTimer({ step: name });
  const startedAt = performance.now();
  let outcome = 'done';
  try {
    const state = await work();
    if (state === null) throw ApplicationFailure.nonRetryable('There is no such proposal.', failureTypes.proposalNotFound);
    const ms = Math.round(performance.now() - startedAt);
    // A state that waits is what settling found and left; every other step has moved the proposal.
    const level = name === 'settle' && state.waitMs !== null ? 'debug' : 'info';
    deps.logger[level]({ step: name, tenant: start.tenantId, proposal: start.proposalId, status: state.status, ms }, 'a step is done');
    return state;
  } catch (error) {
    if (error instanceof ApplicationFailure) {
      outcome = error.type ?? 'failed';
      throw error;
    }
    const failure = await failureOf(deps.pool, error, info.attempt);
    outcome = failure.type ?? 'failed';
    deps.logger.error(
      { err: error, step: name, tenant: start.tenantId, proposal: start.proposalId, attempt: info.attempt, local: info.isLocal },
      'a step failed',
    );
    throw failure;
  } finally {
    clearInterval(beating);
    stop({ outcome });
  }
}

/** What Temporal hears of an error that is no failure of its own. */
export async function failureOf(pool: StepDeps['pool'], error: unknown, attempt: number): Promise<ApplicationFailure> {
  if (error instanceof PolicyEngineAway)
    return ApplicationFailure.retryable('The policy engine did not answer.', failureTypes.policyEngineAway);
  return (await isOutage(pool, error)) ? databaseAway() : bug(attempt);
}

function databaseAway(): ApplicationFailure {
  return ApplicationFailure.retryable('PostgreSQL did not answer.', failureTypes.databaseAway);
}

function bug(attempt: number): ApplicationFailure {
  return ApplicationFailure.create({
    message: 'The step failed; the log of the worker says why.',
    type: failureTypes.bug,
    nonRetryable: attempt >= maxAttempts,
  });
}
