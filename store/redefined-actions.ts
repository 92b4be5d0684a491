import type { DefinitionRows } from './definition-rows.ts';
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

/** What keeping a document would come to. */
export interface Foreseen {
  /** By name, of those that are not retired then. */
  actionTypes: Record<string, number>;
  /** By name, of action types that have open proposals. */
  waiting: Record<string, Waiting>;
}

/** The versions in force, by the names of action types that are not retired. */
export async function currentActionVersions(tx: Sql): Promise<Record<string, number>> {
  const rows = await tx.rows<{ name: string; version: number }>(
    'SELECT a.name, a.current_version::int AS version FROM exequatur.action_type a WHERE NOT a.retired AND NOT exequatur.governs(a.name) ORDER BY a.name',
  );
  return Object.fromEntries(rows.map(({ name, version }) => [name, version]));
}

/** Writes nothing. */
export async function foreseeDefinitions(tx: Sql, rows: DefinitionRows): Promise<Foreseen> {
  const [row] = await tx.rows<{ foreseen: Foreseen }>('SELECT exequatur.foresee_definitions($1::jsonb) AS foreseen', [
    JSON.stringify(rows),
  ]);
  if (row === undefined) throw new Error('unreachable: a function returns a row');
  return row.foreseen;
}

/** Which action types have another version then, and what that means for how many proposals. */
export function redefinedActions(before: Record<string, number>, { actionTypes, waiting }: Foreseen): RedefinedAction[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(actionTypes)])]
    .filter((name) => before[name] !== actionTypes[name])
    .sort();
  const none = { simulatedAgain: 0, kept: 0, ended: 0 };
  return names.map((name) => ({ name, from: before[name] ?? null, to: actionTypes[name] ?? null, waiting: waiting[name] ?? none }));
}
