import { Context } from '@temporalio/activity';
import { advanceIndexes, type IndexProgress } from '../store/index-builds.ts';
import type { IndexBuildActivities, IndexBuildStart } from '../workflows/index-build.contract.ts';
import { type DefinitionStepDeps, runDefinitionStep } from './run-definition-step.ts';

const worksForMs = 10_000; // As often the history tells how far it is; a million objects take a handful of activities.

export function createIndexActivities(deps: DefinitionStepDeps): IndexBuildActivities {
  return { advanceIndexes: (start) => advanceForAWhile(deps, start) };
}

function advanceForAWhile(deps: DefinitionStepDeps, start: IndexBuildStart): Promise<IndexProgress | null> {
  const { cancellationSignal } = Context.current();
  const about = { tenant: start.tenantId, objectType: start.objectType };
  const startedAt = performance.now();
  return runDefinitionStep(deps, about, 'a batch of an index failed', async () => {
    for (;;) {
      const at = await advanceIndexes(deps.pool, start.tenantId, start.objectType);
      if (at?.state === 'ready' || at?.state === 'dropped') deps.logger.info({ ...about, ...at }, 'an index is done');
      if (at === null || performance.now() - startedAt > worksForMs || cancellationSignal.aborted) return at;
    }
  });
}
