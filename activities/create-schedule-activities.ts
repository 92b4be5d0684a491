import { ApplicationFailure } from '@temporalio/common';
import { abandonRun, missRun, type RunOutcome, runSchedule } from '../store/run-schedule.ts';
import type { StoreDeps } from '../store/store-deps.ts';
import type { ScheduledRunActivities } from '../workflows/scheduled-run.contract.ts';
import { type DefinitionStepDeps, runDefinitionStep } from './run-definition-step.ts';

interface ScheduleActivityDeps extends DefinitionStepDeps {
  store: StoreDeps;
}

export function createScheduleActivities(deps: ScheduleActivityDeps): ScheduledRunActivities {
  return {
    runSchedule: async ({ tenantId, scheduleId, nominalAt }) => {
      const about = { tenant: tenantId, schedule: scheduleId };
      const run = { scheduleId, nominalAt };
      const step = (failed: string, work: () => Promise<RunOutcome>) =>
        runDefinitionStep(deps, about, failed, async () => {
          const outcome = await work();
          deps.logger.info({ ...about, nominalAt, ...outcome }, 'a schedule ran');
          return outcome;
        });
      try {
        return await step('a run of a schedule failed', () => runSchedule(deps.pool, tenantId, run, deps.store));
      } catch (failure) {
        if (!(failure instanceof ApplicationFailure && failure.nonRetryable)) throw failure;
        return step('a run of a schedule that failed for good is not on record', () => abandonRun(deps.pool, tenantId, run));
      }
    },
    recordMissedRuns: ({ tenantId, scheduleId, missed }) => {
      const about = { tenant: tenantId, schedule: scheduleId };
      return runDefinitionStep(deps, about, 'missed runs of a schedule are not on record', async () => {
        for (const nominalAt of missed) await missRun(deps.pool, tenantId, { scheduleId, nominalAt });
        deps.logger.warn({ ...about, missed: missed.length }, 'runs of a schedule were missed');
      });
    },
  };
}
