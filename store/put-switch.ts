import type { Caller } from '../ontology/authority.ts';
import type { JsonObject } from '../ontology/json.ts';
import { settingActions } from '../ontology/setting-actions.ts';
import { announceSwitch } from './announce-setting.ts';
import type { Proposed } from './create-proposal.ts';
import { foundSetting } from './found-setting.ts';
import { currentVersion } from './load-ontology.ts';
import { refusalToAdminister } from './may-administer.ts';
import { nudgeExecuting } from './nudges.ts';
import { planSwitchOn } from './plan-switch-on.ts';
import { isOpen } from './proposal-row.ts';
import { proposeSetting } from './propose-setting.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { SettingChange } from './setting-plan.ts';
import type { PrismaTx, Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import { stopExecutions } from './stop-executions.ts';
import type { StoreDeps } from './store-deps.ts';
import { readSwitch, type SwitchScope, type SwitchView, switchJson } from './switches.ts';

export interface SwitchChange {
  scope: SwitchScope;
  name: string;
  state: 'on' | 'off';
  reason: string;
  by: Caller;
}

export interface SwitchOutcome {
  /** As it is now. */
  view: SwitchView;
  /** What will switch it on again, once another person has approved it. */
  proposed: Proposed | null;
}

/**
 * Throws a switch. Off takes one person and holds with the commit: the tenant's control row is locked first, which waits for executions that have begun, so none
 * commits later. Executions that come meanwhile wait behind it. On takes two, and becomes a proposal. A repeat changes nothing.
 */
export async function putSwitch(tx: PrismaTx, change: SwitchChange, deps: StoreDeps): Promise<SwitchOutcome | Refusal> {
  const outcome = await put(tx, change, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function put(tx: PrismaTx, change: SwitchChange, deps: StoreDeps): Promise<SwitchOutcome | Refusal> {
  const { scope, name, state } = change;
  const actor = await resolveActor(tx, change.by);
  const off = state === 'off';
  const refusal = await refusalToAdminister(tx, deps, { action: 'switch:put', actor, off }, off ? null : 'switches');
  if (refusal !== null) return refusal;
  if (scope === 'tenant' && name !== 'all') {
    const message = 'of the tenant there is one switch, called all';
    return refuse('malformed_request', [{ code: 'malformed_request', pointer: '/name', message }]);
  }
  if (off) {
    await stopExecutions(tx);
    const before = await readSwitch(tx, scope, name);
    const isKept = before?.state === 'off' && !(await isToGoOn(tx, change));
    return { view: isKept ? before : await turnOff(tx, change, actor.id), proposed: null };
  }
  const before = await readSwitch(tx, scope, name);
  if (before === null) return refuse('not_found');
  if (before.state === 'on') return { view: before, proposed: null };
  const parameters = { base: before.changedAt, scope, name, reason: change.reason };
  const planned = await planSwitchOn(tx, parameters);
  if (planned.kind === 'invalid') return refuse('setting_changed', planned.faults);
  if ((await currentVersion(tx)) === null) return turnOnAtOnce(tx, change, planned.change, actor.id);
  const wish = { actor, parameters: parameters as JsonObject, justification: change.reason, change: planned.change };
  const proposed = await proposeSetting(tx, wish, deps);
  return isRefusal(proposed) ? proposed : { view: before, proposed };
}

/** Whether somebody has proposed meanwhile to switch it on: whoever switches off once more says no to that. */
async function isToGoOn(tx: Tx, { scope, name }: SwitchChange): Promise<boolean> {
  const [row] = await tx.rows<{ open: boolean }>(
    `SELECT EXISTS (SELECT FROM exequatur.proposal p
                     WHERE p.action_type = $1 AND p.parameters::jsonb @> $2::jsonb
                       AND ${isOpen('p')}) AS open`,
    [settingActions.switches, JSON.stringify({ scope, name })],
  );
  return row?.open === true;
}

/** Before a tenant has a document nothing could run. */
async function turnOnAtOnce(
  tx: Tx,
  { scope, name, reason }: SwitchChange,
  { id, before, set }: SettingChange,
  actor: string,
): Promise<SwitchOutcome> {
  await foundSetting(tx, { setting: 'switches', id, before, set }, actor);
  announceSwitch(tx, { scope, name, state: 'on', reason, actor });
  const view = await readSwitch(tx, scope, name);
  if (view === null) throw new Error('the switch vanished');
  return { view, proposed: null };
}

async function turnOff(tx: Tx, { scope, name, reason }: SwitchChange, actor: string): Promise<SwitchView> {
  announceSwitch(tx, { scope, name, state: 'off', reason, actor });
  const [row] = await tx.rows<{ view: SwitchView }>(
    `INSERT INTO exequatur.switch AS s (tenant_id, scope, name, off, reason, changed_by, changed_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1, $2, true, $3, $4, exequatur.clock())
     ON CONFLICT (tenant_id, scope, name) DO UPDATE
        SET off = true, reason = excluded.reason, changed_by = excluded.changed_by, changed_at = excluded.changed_at
     RETURNING ${switchJson('s')} AS view`,
    [scope, name, reason, actor],
  );
  if (row === undefined) throw new Error('a switch was not written');
  await nudgeExecuting(tx);
  return row.view;
}
