import { Context } from '@temporalio/activity';
import type pg from 'pg';
import { executeProposal } from '../store/execute-proposal.ts';
import { failProposal } from '../store/fail-proposal.ts';
import type { Settled } from '../store/settle.ts';
import { settleProposal } from '../store/settle-proposal.ts';
import { simulateProposal } from '../store/simulate-proposal.ts';
import type { StoreDeps } from '../store/store-deps.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ProposalStart } from '../workflows/proposal.contract.ts';
import type { PerformStart, ProposalActivities, ProposalState } from '../workflows/proposal-activities.contract.ts';
import { countEnd, type EndedEffects } from './count-ended-effects.ts';
import { type Beat, type HistoryService, mayBeSent } from './effects/ask-history.ts';
import { performStep, type StepDeps } from './effects/perform-step.ts';
import type { StepDurations } from './measure-steps.ts';
import { runStep } from './run-step.ts';

export interface ActivityDeps {
  /** Connections of the worker's login. */
  pool: pg.Pool;
  store: StoreDeps;
  logger: Logger;
  durations: StepDurations;
  /** How effects leave the house. */
  outside: Pick<StepDeps, 'sendWebhook' | 'effectFunctions'>;
  endedEffects: EndedEffects;
  /** Where earlier attempts are known that the database may have forgotten; left out, the database is believed. */
  history?: HistoryService;
}

/** The activities of a proposal's workflow: each one call of the store, which holds what is true. */
export function createActivities(deps: ActivityDeps): ProposalActivities {
  const { pool, store } = deps;
  const step = (name: keyof ProposalActivities, work: (start: ProposalStart) => Promise<Settled | null>) => (start: ProposalStart) =>
    runStep(deps, name, start, async () => stateOf(await work(start)));
  return {
    simulate: step('simulate', ({ tenantId, proposalId }) => simulateProposal(pool, tenantId, proposalId, store)),
    settle: step('settle', ({ tenantId, proposalId }) => settleProposal(pool, tenantId, proposalId, store)),
    execute: step('execute', ({ tenantId, proposalId }) => executeProposal(pool, tenantId, proposalId, store)),
    perform: (start) => perform(deps, start),
    abandonSimulation: step('abandonSimulation', ({ tenantId, proposalId }) =>
      failProposal(pool, tenantId, proposalId, { code: 'internal' }),
    ),
  };
}

/** Says with each heartbeat, and in the end, what was tried: for whoever tries it next, should the database have forgotten. */
async function perform(deps: ActivityDeps, start: PerformStart): Promise<ProposalState> {
  const { pool, store, history } = deps;
  const { info, cancellationSignal } = Context.current();
  const beat: Beat = { tried: (info.heartbeatDetails as Beat | undefined)?.tried ?? 0 };
  const stepDeps: StepDeps = {
    ...{ pool, store, ...deps.outside },
    ...(history ? { mayBeSent: (asked) => mayBeSent(history, start, asked) } : {}),
    onTry(number) {
      beat.tried = Math.max(beat.tried, number);
    },
    onEnd: (end) => countEnd(deps.endedEffects, end),
  };
  const work = async () => stateOf(await performStep(stepDeps, start, cancellationSignal));
  try {
    return { ...(await runStep(deps, 'perform', start, work, () => beat)), tried: beat.tried };
  } catch (error) {
    Context.current().heartbeat({ ...beat, ended: info.attempt } satisfies Beat);
    throw error;
  }
}

/** What of the settled state goes into the workflow's history: nothing that a reader of histories should not see. */
function stateOf(settled: Settled | null): ProposalState | null {
  if (settled === null) return null;
  const { status, revision, digest, expiresAt, waitMs, waitsFor, missing, held, edits, riskTier, failure, next, bakes, attention } =
    settled;
  return {
    status,
    revision,
    digest,
    expiresAt,
    waitMs,
    ...(waitsFor ? { waitsFor } : {}),
    missing,
    held,
    edits,
    riskTier,
    failure: failure?.code ?? null,
    ...(next ? { next } : {}),
    ...(bakes ? { bakes } : {}),
    ...(attention ? { attention } : {}),
  };
}
