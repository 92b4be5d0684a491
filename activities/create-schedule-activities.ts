import { runSchedule } from '../store/run-schedule.ts';
import type { StoreDeps } from '../store/store-deps.ts';
import type { ScheduledRunActivities } from '../workflows/scheduled-run.contract.ts';
import { type DefinitionStepDeps, runDefinitionStep } from './run-definition-step.ts';

interface ScheduleActivityDeps extends DefinitionStepDeps {
  store: StoreDeps;
}

export function createScheduleActivities(deps: ScheduleActivityDeps): ScheduledRunActivities {
  return {
    runSchedule: ({ tenantId, scheduleId, nominalAt }) => {
      const about = { tenant: tenantId, schedule: scheduleId };
      return runDefinitionStep(deps, about, 'a run of a schedule failed', async () => {
        const outcome = await runSchedule(deps.pool, tenantId, { scheduleId, nominalAt }, deps.store);
        deps.logger.info({ ...about, nominalAt, ...outcome }, 'a schedule ran');
        return outcome;
      });
    },
  };
}
