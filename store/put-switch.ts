import type { Actor, Caller } from '../ontology/authority.ts';
import type { JsonObject } from '../ontology/json.ts';
import { announceChange } from './announce-change.ts';
import { refusalToAdminister } from './may-administer.ts';
import { nudgeHeld } from './nudges.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { isSecondPerson } from './second-person.ts';
import type { Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import { stopExecutions } from './stop-executions.ts';
import type { StoreDeps } from './store-deps.ts';
import { type SwitchScope, type SwitchView, switchJson } from './switches.ts';

export interface SwitchChange {
  scope: SwitchScope;
  name: string;
  state: 'on' | 'off';
  reason: string;
  by: Caller;
}

/**
 * Throws a switch. Off takes one person and holds with the commit: the tenant's control row is locked first, which waits for executions that have begun, so none
 * commits later. Executions that come meanwhile wait behind it. On takes two: the first asks, and another person, whatever their identities, does it; then what was held is looked at again. A repeat changes nothing.
 */
export async function putSwitch(tx: Tx, change: SwitchChange, deps: Pick<StoreDeps, 'decide' | 'policies'>): Promise<SwitchView | Refusal> {
  const outcome = await put(tx, change, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function put(tx: Tx, change: SwitchChange, deps: Pick<StoreDeps, 'decide' | 'policies'>): Promise<SwitchView | Refusal> {
  const actor = await resolveActor(tx, change.by);
  const off = change.state === 'off';
  const refusal = await refusalToAdminister(tx, deps, { action: 'switch:put', actor, off }, off ? null : 'switches');
  if (refusal !== null) return refusal;
  const pointer = '/name';
  if (change.scope === 'tenant' && change.name !== 'all')
    return refuse('malformed_request', [{ code: 'malformed_request', pointer, message: 'of the tenant there is one switch, called all' }]);
  await stopExecutions(tx);
  const [row] = await tx.rows<{ view: SwitchView }>(
    `SELECT ${switchJson('s')} AS view FROM exequatur.switch s WHERE s.scope = $1 AND s.name = $2`,
    [change.scope, change.name],
  );
  const before = row?.view;
  const state = before?.state ?? 'on';
  if (change.state === 'off')
    return state === 'off' && before !== undefined && before.onAskedBy === null ? before : write(tx, change, actor, 'off');
  if (state === 'on') return before ?? refuse('not_found');
  if (before?.onAskedBy == null || !(await isSecondPerson(tx, before.onAskedBy.id, actor, deps))) return ask(tx, change, actor, before);
  const on = await write(tx, change, actor, 'on');
  await nudgeHeld(tx);
  return on;
}

async function ask(tx: Tx, change: SwitchChange, actor: Actor, before: SwitchView | undefined): Promise<SwitchView> {
  if (before?.onAskedBy?.id === actor.id) return before;
  announce(tx, change, actor, 'on_asked');
  const [row] = await tx.rows<{ view: SwitchView }>(
    `UPDATE exequatur.switch s SET asked_by = $3, asked_reason = $4, asked_at = exequatur.clock() WHERE s.scope = $1 AND s.name = $2 RETURNING ${switchJson('s')} AS view`,
    [change.scope, change.name, actor.id, change.reason],
  );
  return written(row);
}

async function write(tx: Tx, change: SwitchChange, actor: Actor, state: 'on' | 'off'): Promise<SwitchView> {
  announce(tx, change, actor, state);
  const [row] = await tx.rows<{ view: SwitchView }>(
    `INSERT INTO exequatur.switch AS s (tenant_id, scope, name, off, reason, changed_by, changed_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1, $2, $3, $4, $5, exequatur.clock())
     ON CONFLICT (tenant_id, scope, name) DO UPDATE
        SET off = excluded.off, reason = excluded.reason, changed_by = excluded.changed_by, changed_at = excluded.changed_at, asked_by = NULL, asked_reason = NULL, asked_at = NULL
     RETURNING ${switchJson('s')} AS view`,
    [change.scope, change.name, state === 'off', change.reason, actor.id],
  );
  return written(row);
}

function written(row: { view: SwitchView } | undefined): SwitchView {
  if (row === undefined) throw new Error('a switch was not written');
  return row.view;
}

function announce(tx: Tx, { scope, name, reason }: SwitchChange, actor: Actor, state: 'on' | 'off' | 'on_asked'): void {
  const facts: JsonObject = scope === 'agent' || scope === 'principal' ? { scope, state } : { scope, name, state };
  const personal = { actor: actor.id, reason, name };
  announceChange(tx, { type: 'switch.changed', subject: `switch/${scope}/${name}`, facts, personal, data: { scope, name, state } });
}
