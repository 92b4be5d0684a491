import type { Sql } from './sql.ts';

export interface RedefinedAction {
  name: string;
  /** The version in force before; null where there was none. */
  from: number | null;
  /** The version in force after; null where the action type is retired. */
  to: number | null;
  /** What becomes of the open proposals under an earlier version, whenever each is next looked at. Reverts are not counted: they are fitted again after any upload. */
  waiting: Waiting;
}

interface Waiting {
  /** Under the new version, as a new revision. */
  simulatedAgain: number;
  /** Under the version that they have. */
  kept: number;
  /** The action type is gone. */
  ended: number;
}

/** The versions in force, by the names of action types that are not retired. */
export async function currentActionVersions(tx: Sql): Promise<Record<string, number>> {
  const rows = await tx.rows<{ name: string; version: number }>(
    'SELECT a.name, a.current_version::int AS version FROM exequatur.action_type a WHERE NOT a.retired ORDER BY a.name',
  );
  return Object.fromEntries(rows.map(({ name, version }) => [name, version]));
}

/** Which action types have another version now, and what that means for how many proposals. */
export async function redefinedActions(tx: Sql, before: Record<string, number>, after: Record<string, number>): Promise<RedefinedAction[]> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]).sort();
  if (names.length === 0) return [];
  const rows = await tx.rows<{ name: string } & Waiting>(
    `SELECT w.name, coalesce(sum(w.open) FILTER (WHERE w.retired), 0)::int AS ended,
            coalesce(sum(w.open) FILTER (WHERE NOT w.retired AND w.stays), 0)::int AS kept,
            coalesce(sum(w.open) FILTER (WHERE NOT w.retired AND NOT w.stays), 0)::int AS "simulatedAgain"
       FROM (SELECT a.name, a.retired, p.open, a.current_version = p.version OR exequatur.keeps_version(a.name, p.version) AS stays
               FROM (SELECT q.action_type, q.action_type_version AS version, count(*) AS open FROM exequatur.proposal q
                      WHERE q.status IN ('simulating', 'awaiting_approval', 'changes_requested', 'approved', 'scheduled') AND q.revert_of IS NULL AND q.action_type = ANY ($1)
                      GROUP BY q.action_type, q.action_type_version) p
               JOIN exequatur.action_type a ON a.name = p.action_type) w
      GROUP BY w.name`,
    [names],
  );
  const none = { simulatedAgain: 0, kept: 0, ended: 0 };
  const waiting = new Map(rows.map(({ name, ...counts }) => [name, counts]));
  return names.map((name) => ({ name, from: before[name] ?? null, to: after[name] ?? null, waiting: { ...none, ...waiting.get(name) } }));
}
