import type { Sql } from './sql.ts';

export interface RedefinedAction {
  name: string;
  /** The version in force before; null where there was none. */
  from: number | null;
  /** The version in force after; null where the action type is retired. */
  to: number | null;
  /** Open proposals that have not begun to be executed. */
  waiting: number;
}

/** The versions in force, by the names of action types that are not retired. */
export async function currentActionVersions(tx: Sql): Promise<Record<string, number>> {
  const rows = await tx.rows<{ name: string; version: number }>(
    'SELECT a.name, a.current_version::int AS version FROM exequatur.action_type a WHERE NOT a.retired ORDER BY a.name',
  );
  return Object.fromEntries(rows.map(({ name, version }) => [name, version]));
}

/** Which action types have another version now, and how many proposals wait under an earlier one. Reverts are not counted: they are fitted again after any upload. */
export async function redefinedActions(tx: Sql, before: Record<string, number>, after: Record<string, number>): Promise<RedefinedAction[]> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]).sort();
  if (names.length === 0) return [];
  const rows = await tx.rows<{ name: string; waiting: number }>(
    `SELECT p.action_type AS name, count(*)::int AS waiting FROM exequatur.proposal p
      WHERE p.status IN ('simulating', 'awaiting_approval', 'changes_requested', 'approved', 'scheduled') AND p.revert_of IS NULL AND p.action_type = ANY ($1)
      GROUP BY p.action_type`,
    [names],
  );
  const waiting = new Map(rows.map((row) => [row.name, row.waiting]));
  return names.map((name) => ({ name, from: before[name] ?? null, to: after[name] ?? null, waiting: waiting.get(name) ?? 0 }));
}
