import type { HistoryChange } from '../ontology/evaluate-revert.ts';
import type { Sql } from './sql.ts';

/** What an execution did, from the history that the door wrote: objects by (type, id), then links by (link, from, to). */
export async function readChanges(tx: Sql, executionId: string): Promise<HistoryChange[]> {
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
