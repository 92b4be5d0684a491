import type { DoneEffects } from '../../ontology/revert-effects.ts';
import type { Sql } from '../sql.ts';
import { readPlannedSteps, type StepRow, slotsOf, stepsJson } from './saga-rows.ts';

/** What an executed plan did outside the database, by its last saga. */
export async function readDoneEffects(tx: Sql, executionId: string): Promise<DoneEffects> {
  const [row] = await tx.rows<{ planId: string; steps: StepRow[] }>(
    `SELECT s.plan_id AS "planId", ${stepsJson('s')} AS steps
       FROM exequatur.execution x JOIN exequatur.saga s ON s.tenant_id = x.tenant_id AND s.proposal_id = x.proposal_id AND s.plan_id = x.plan_id
      WHERE x.id = $1::uuid ORDER BY s.run DESC LIMIT 1`,
    [executionId],
  );
  if (row === undefined) return { effects: [], slots: {} };
  const planned = await readPlannedSteps(tx, row.planId);
  const inState = (wanted: StepRow['state']) =>
    row.steps.flatMap(({ ordinal, state }) => {
      const step = planned[ordinal];
      return step !== undefined && 'effect' in step && state === wanted ? [step.effect] : [];
    });
  return { effects: inState('done'), unknown: inState('unknown').map(({ name }) => name), slots: slotsOf(row) };
}
