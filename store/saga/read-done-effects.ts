import { type DoneEffects, type EffectRecord, effectsInPlace } from '../../ontology/effects-in-place.ts';
import type { Sql } from '../sql.ts';
import { readPlannedSteps } from './planned-steps.ts';
import { type StepRow, slotsOf, stepsJson } from './saga-rows.ts';

interface MemberRow {
  planId: string;
  depth: number;
  isOwn: boolean;
  steps: StepRow[];
}

/**
 * What an executed plan did outside the database and is still in place: by its last saga, by those of the family of its reverts that came after, and by those that came to nothing, of which an operator
 * may have left something. One after another, by their numbers, since only one is open at a time.
 */
export async function readDoneEffects(tx: Sql, executionId: string): Promise<DoneEffects> {
  const members = await tx.rows<MemberRow & Record<string, unknown>>(
    `WITH own AS (
       SELECT o.tenant_id, o.id, coalesce(o.revert_root, x.id) AS root FROM exequatur.execution x JOIN exequatur.proposal o ON o.tenant_id = x.tenant_id AND o.id = x.proposal_id WHERE x.id = $1::uuid),
     family AS (
       SELECT p.tenant_id, p.id, 0 AS number, 0 AS depth FROM own JOIN exequatur.execution x ON x.tenant_id = own.tenant_id AND x.id = own.root JOIN exequatur.proposal p ON p.tenant_id = x.tenant_id AND p.id = x.proposal_id
       UNION ALL
       SELECT p.tenant_id, p.id, p.revert_number, p.revert_depth FROM own JOIN exequatur.proposal p ON p.tenant_id = own.tenant_id AND p.revert_root = own.root WHERE p.status IN ('executed', 'failed'))
     SELECT s.plan_id AS "planId", f.depth, f.id = (SELECT own.id FROM own) AS "isOwn", ${stepsJson('s')} AS steps
       FROM family f CROSS JOIN LATERAL (SELECT n.* FROM exequatur.saga n WHERE n.tenant_id = f.tenant_id AND n.proposal_id = f.id ORDER BY n.run DESC LIMIT 1) s
      ORDER BY f.number`,
    [executionId],
  );
  const own = members.find(({ isOwn }) => isOwn);
  if (own === undefined) return { effects: [] };
  const records = await Promise.all(members.map((member) => recordsOf(tx, member)));
  return effectsInPlace(records[members.indexOf(own)] ?? [], records.flat());
}

async function recordsOf(tx: Sql, { planId, depth, steps }: MemberRow): Promise<EffectRecord[]> {
  if (steps.every((step) => outcomeOf(step) === null)) return [];
  const planned = await readPlannedSteps(tx, planId);
  const slots = slotsOf({ steps });
  return steps.flatMap((step): EffectRecord[] => {
    const outcome = outcomeOf(step);
    const done = planned[step.ordinal];
    if (outcome === null || done === undefined || !('effect' in done)) return [];
    return [{ effect: done.effect, slots, outcome, isBack: depth % 2 === 1 }];
  });
}

/** An undo that was refused for good, where an operator ended it, leaves done what it was to take back. What an operator skipped was seen to. */
function outcomeOf({ state }: StepRow): EffectRecord['outcome'] | null {
  if (state === 'done' || state === 'stuck') return 'done';
  return state === 'unknown' || state === 'sending' ? 'unknown' : null;
}
