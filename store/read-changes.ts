import type { HistoryChange } from '../ontology/evaluate-revert.ts';
import { onlyParts, type StandingPart } from '../ontology/parts-of-change.ts';
import type { Sql } from './sql.ts';

/**
 * What an execution did and what of that still stands, from the history that the door wrote: objects by (type, id), then links by (link, from, to). What reverts took back is left out, but for what
 * reverts of these did again. While a revert is open nobody else takes anything back, so it stays so until that is executed.
 */
export async function readStandingChanges(tx: Sql, executionId: string): Promise<HistoryChange[]> {
  const changes = await readChanges(tx, executionId);
  const [family] = await tx.rows<{ reverted: boolean }>(
    `SELECT EXISTS (SELECT FROM exequatur.proposal v WHERE v.tenant_id = o.tenant_id AND v.revert_root = coalesce(o.revert_root, x.id) AND v.status IN ('executed', 'failed') AND v.id <> o.id) AS reverted
       FROM exequatur.execution x JOIN exequatur.proposal o ON o.tenant_id = x.tenant_id AND o.id = x.proposal_id WHERE x.id = $1::uuid`,
    [executionId],
  );
  if (family?.reverted !== true) return changes;
  const parts = await tx.rows<StandingPart & Record<string, unknown>>(
    'SELECT s.name, s.id, s.part FROM exequatur.standing_parts($1::uuid) s',
    [executionId],
  );
  return onlyParts(changes, parts);
}

async function readChanges(tx: Sql, executionId: string): Promise<HistoryChange[]> {
  const objects = await tx.rows<{ change: HistoryChange }>(
    `SELECT jsonb_build_object('op', h.op, 'type', h.type, 'id', h.object_id, 'before', h.before, 'set', h.set, 'unset', to_jsonb(h.unset), 'versionAfter', h.version) AS change
       FROM exequatur.object_history h WHERE h.execution_id = $1::uuid ORDER BY h.type COLLATE "C", h.object_id COLLATE "C"`,
    [executionId],
  );
  const links = await tx.rows<{ change: HistoryChange }>(
    `SELECT jsonb_build_object('op', h.op, 'link', h.link, 'from', h.from_id, 'to', h.to_id) AS change
       FROM exequatur.link_history h WHERE h.execution_id = $1::uuid ORDER BY h.link COLLATE "C", h.from_id COLLATE "C", h.to_id COLLATE "C"`,
    [executionId],
  );
  return [...objects, ...links].map(({ change }) => change);
}
