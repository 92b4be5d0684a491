import { ActivityFailure, ApplicationFailure, isCancellation, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { ProposalStart } from './proposal.contract.ts';
import { failureTypes, type OutsideStep, type ProposalActivities, type ProposalState } from './proposal-activities.contract.ts';

/**
 * How the steps of a proposal are run. Each is tried as a local activity, which costs no round trip of its own; what is not done within its short budget (a large
 * plan, a database that is away) is handed to a regular activity, which heartbeats and which Temporal repeats without writing history.
 */
const localBudget = '4 s'; // Below the task timeout, so that a step which dies with its worker is not waited for twice.
// Three attempts bridge a dropped connection. The budget does not end retries between attempts, so their number must: an open task holds up every message.
const localRetry = { initialInterval: '50 ms', backoffCoefficient: 3, maximumAttempts: 3 } as const;

const regularOptions = {
  startToCloseTimeout: '10 minutes', // 100,000 edits take seconds; ten minutes says that something hangs.
  heartbeatTimeout: '6 s', // So long it takes to see that a worker has died. An evaluation may hold the worker's thread for a second or two without a beat.
  // Attempts are not counted here: an activity itself says when another attempt is pointless, and an outage of the database is no such reason.
  retry: { initialInterval: '1 s', backoffCoefficient: 2, maximumInterval: '15 s' },
} as const;

const outsideOptions = {
  startToCloseTimeout: '2 minutes', // A request may take one, and what is put on record before and after it seconds.
  heartbeatTimeout: '5 s', // So long it takes to see that a worker has died in the middle of an effect.
  // Not counted: the plan says how often an effect is tried, and an undo is tried until it is done. The activity names each pause itself.
  retry: { initialInterval: '1 s', backoffCoefficient: 2, maximumInterval: '15 s' },
} as const;

const largePlanEdits = 2_000; // Above this a step may take longer than the budget of a local one, and its first, lost attempt would be waste.

interface Runner {
  local(start: ProposalStart): Promise<ProposalState>;
  regular(start: ProposalStart): Promise<ProposalState>;
}

function runner(name: 'simulate' | 'settle' | 'execute', summary: string): Runner {
  return {
    local: proxyLocalActivities<ProposalActivities>({ scheduleToCloseTimeout: localBudget, retry: localRetry, summary })[name],
    regular: proxyActivities<ProposalActivities>({ ...regularOptions, summary })[name],
  };
}

const simulation = runner('simulate', 'simulate on the ontology as it is now');
const settlement = runner('settle', 'settle expiry and votes');
const execution = runner('execute', 'execute what was approved');
const { abandonSimulation } = proxyActivities<ProposalActivities>({ ...regularOptions, summary: 'the simulation failed for good' });

/** Makes the plan. A simulation that cannot be computed fails the proposal, not the workflow. */
export async function simulate(start: ProposalStart, edits: number | null = null): Promise<ProposalState> {
  try {
    return await run(simulation, start, edits);
  } catch (failure) {
    if (isCancellation(failure) || isForGood(failure)) throw failure;
    return abandonSimulation(start);
  }
}

export function settle(start: ProposalStart): Promise<ProposalState> {
  return run(settlement, start, null);
}

/** Settles, and executes if that leaves the proposal approved. */
export function execute(start: ProposalStart, edits: number | null): Promise<ProposalState> {
  return run(execution, start, edits);
}

/** One step outside the database: an activity of its own, which Temporal's UI names, and whose heartbeats tell soon when its worker dies. */
export function perform(start: ProposalStart, step: OutsideStep): Promise<ProposalState> {
  const summary = `${step.kind} ${step.name}`;
  return proxyActivities<ProposalActivities>({ ...outsideOptions, summary }).perform({ ...start, step });
}

async function run(step: Runner, start: ProposalStart, edits: number | null): Promise<ProposalState> {
  if (edits === null || edits <= largePlanEdits) {
    try {
      return await step.local(start);
    } catch (failure) {
      if (isCancellation(failure) || isForGood(failure)) throw failure;
    }
  }
  return step.regular(start);
}

/** Whether no attempt of any step can ever help. */
export function isForGood(failure: unknown): boolean {
  const cause = failure instanceof ActivityFailure ? failure.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === failureTypes.proposalNotFound;
}
