import type { Fault } from '../ontology/plan.ts';
import { isoTime } from './proposal-row.ts';
import type { Sql } from './sql.ts';

export const switchScopes = ['tenant', 'actionType', 'agent', 'principal'] as const;
export type SwitchScope = (typeof switchScopes)[number];

export interface SwitchView {
  scope: SwitchScope;
  /** `all` for the tenant and for all agents; else an action type's name or a principal's id. */
  name: string;
  state: 'on' | 'off';
  reason: string;
  changedBy: string;
  changedAt: string;
}

/** SQL for one switch row `s` as clients see it. */
export const switchJson = (
  s: string,
): string => `jsonb_build_object('scope', ${s}.scope, 'name', ${s}.name, 'state', CASE WHEN ${s}.off THEN 'off' ELSE 'on' END,
  'reason', ${s}.reason, 'changedBy', ${s}.changed_by, 'changedAt', ${isoTime(`${s}.changed_at`)})`;

/** Every switch that was ever thrown, by scope and name: as many as a tenant has action types and principals that were stopped once. */
export async function listSwitches(tx: Sql): Promise<SwitchView[]> {
  const rows = await tx.rows<{ view: SwitchView }>(`SELECT ${switchJson('s')} AS view FROM exequatur.switch s ORDER BY s.scope, s.name`);
  return rows.map(({ view }) => view);
}

/** Null where it was never thrown. */
export async function readSwitch(tx: Sql, scope: SwitchScope, name: string): Promise<SwitchView | null> {
  const [row] = await tx.rows<{ view: SwitchView }>(
    `SELECT ${switchJson('s')} AS view FROM exequatur.switch s WHERE s.scope = $1 AND s.name = $2`,
    [scope, name],
  );
  return row?.view ?? null;
}

/** Which switch stops new proposals of this action type by this principal; null where none does. */
export async function stopOf(
  tx: Sql,
  actionType: string,
  { id, kind, actsFor }: { id: string; kind: string; actsFor: string | null },
): Promise<string | null> {
  const [row] = await tx.rows<{ stop: string }>(`SELECT s.scope || '/' || s.name AS stop FROM exequatur.stopped_by($1, $2, $3, $4) s`, [
    actionType,
    id,
    kind,
    actsFor,
  ]);
  return row?.stop ?? null;
}

export function stopFault(stop: string): Fault {
  return { code: 'switched_off', message: `the switch ${stop} is off` };
}

/** What keeps an approved proposal from being executed now. */
export interface Obstacles {
  /** The switch that is off. */
  stop: string | null;
  /** `executeAfter`, or the freeze window that is open longest, and until when. */
  heldBy: string | null;
  heldUntil: string | null;
}

export const noObstacles: Obstacles = { stop: null, heldBy: null, heldUntil: null };

/** SQL for the columns of the obstacles of a proposal row `p`, and for what they are taken from. */
export const obstacles = {
  columns: `s.scope || '/' || s.name AS stop, h.what AS "heldBy", ${isoTime('h.until')} AS "heldUntil"`,
  joins: (
    p: string,
  ): string => `LEFT JOIN LATERAL exequatur.stopped_by(${p}.action_type, ${p}.proposer_id, ${p}.proposer_kind, ${p}.acts_for) s ON true
       LEFT JOIN LATERAL exequatur.holds(${p}) h ON true`,
};

/** Of one proposal. MUST be sent after the tenant's control row is locked where it decides an execution. */
export async function obstaclesOf(tx: Sql, proposalId: string): Promise<Obstacles> {
  const [row] = await tx.rows<Obstacles>(
    `SELECT ${obstacles.columns} FROM exequatur.proposal p ${obstacles.joins('p')} WHERE p.id = $1::uuid`,
    [proposalId],
  );
  return row ?? noObstacles;
}
