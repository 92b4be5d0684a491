import type { JsonObject, JsonValue } from '../ontology/json.ts';
import type { Operation } from '../ontology/plan.ts';
import { pageSizeOf, pageToken, readPageToken } from './page-token.ts';
import { isoTime } from './proposal-row.ts';
import type { Page } from './read-plan.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql } from './sql.ts';

export interface ObjectView {
  type: string;
  id: string;
  version: number;
  properties: JsonObject;
}

/** SQL for one object row `o` as clients see it. */
export const objectViewJson = `jsonb_build_object('type', o.type, 'id', o.id, 'version', o.version, 'properties', o.properties)`;

/** One live object. A type that the tenant has not defined is told apart from an id that is not there. */
export async function getObject(tx: Sql, type: string, id: string): Promise<ObjectView | Refusal> {
  const [row] = await tx.rows<{ object: ObjectView | null }>(
    `SELECT CASE WHEN o.id IS NOT NULL THEN ${objectViewJson} END AS object
       FROM exequatur.object_type t LEFT JOIN exequatur.object o ON o.tenant_id = t.tenant_id AND o.type = t.name AND o.id = $2 AND o.alive WHERE t.name = $1`,
    [type, id],
  );
  if (row === undefined) return refuse('unknown_object_type');
  return row.object ?? refuse('not_found');
}

export interface HistoryEntry {
  version: number;
  op: Operation;
  /** What the touched properties were, where they were present. */
  before: JsonObject | null;
  set: JsonObject | null;
  unset: string[];
  executionId: string;
  proposalId: string;
  actionType: string;
  at: string;
}

/** Everything that executions did to an object, newest first, also after it was deleted. */
export async function readHistory(
  tx: Sql,
  type: string,
  id: string,
  page: Page = {},
): Promise<{ history: HistoryEntry[]; nextPageToken: string | null } | Refusal> {
  const query = { history: [type, id] };
  const token = page.pageToken === undefined ? { after: null } : readPageToken(query, page.pageToken);
  if (token === null || (page.pageToken !== undefined && !isVersion(token.after))) return refuse('invalid_page_token');
  const pageSize = pageSizeOf(page.pageSize);
  const rows = await tx.rows<{ entry: HistoryEntry }>(
    `SELECT jsonb_build_object('version', h.version, 'op', h.op, 'before', h.before, 'set', h.set, 'unset', COALESCE(to_jsonb(h.unset), '[]'), 'executionId', h.execution_id,
              'proposalId', h.proposal_id, 'actionType', p.action_type, 'at', ${isoTime('h.at')}) AS entry
       FROM exequatur.object_history h JOIN exequatur.proposal p ON p.tenant_id = h.tenant_id AND p.id = h.proposal_id
      WHERE h.type = $1 AND h.object_id = $2 AND ($3::bigint IS NULL OR h.version < $3::bigint) ORDER BY h.version DESC LIMIT $4::int`,
    [type, id, token.after, pageSize + 1],
  );
  if (rows.length === 0 && token.after === null) {
    const object = await getObject(tx, type, id);
    if ('refused' in object) return object;
  }
  const history = rows.slice(0, pageSize).map(({ entry }) => entry);
  const last = history.at(-1);
  return { history, nextPageToken: rows.length > pageSize && last !== undefined ? pageToken(query, last.version) : null };
}

function isVersion(value: JsonValue): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
