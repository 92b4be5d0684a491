import type { Actor, Caller } from '../ontology/authority.ts';
import { compileFilter, type FilterOutcome } from '../ontology/compile-filter.ts';
import type { Condition } from '../ontology/condition.ts';
import type { Fault } from '../ontology/plan.ts';
import { propertiesIn } from '../ontology/properties-in.ts';
import { announceChange } from './announce-change.ts';
import { type FreezeWindowView, type FrozenObjects, type Once, type Weekly, weekdays, windowJson } from './freeze-windows.ts';
import { refusalToAdminister } from './may-administer.ts';
import { nudgeHeld } from './nudges.ts';
import { isRefusal, type Refusal, refuse, refuseFaults } from './refusal.ts';
import { isSecondPerson } from './second-person.ts';
import type { Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import { stopExecutions } from './stop-executions.ts';
import type { StoreDeps } from './store-deps.ts';

export interface NewFreezeWindow {
  name: string;
  actionType?: string;
  /** Only plans that touch one of these. */
  objects?: FrozenObjects;
  reason: string;
  once?: Once;
  weekly?: Weekly;
  by: Caller;
}

type Deps = Pick<StoreDeps, 'decide' | 'ontologies' | 'policies'>;

/**
 * Sets a window, which takes one person and holds with the commit: executions that have begun are waited for, and those that come meanwhile wait behind it. A window is
 * not changed: another is set beside it, and the first removed. The same one again changes nothing.
 */
export async function setFreezeWindow(tx: Tx, wish: NewFreezeWindow, deps: Deps): Promise<FreezeWindowView | Refusal> {
  const outcome = await set(tx, wish, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function set(tx: Tx, wish: NewFreezeWindow, deps: Deps): Promise<FreezeWindowView | Refusal> {
  const actor = await resolveActor(tx, wish.by);
  const refusal = await refusalToAdminister(tx, deps, { action: 'switch:put', actor, off: true }, null);
  if (refusal !== null) return refusal;
  const compiled = await compileObjects(tx, wish.objects, deps);
  if (compiled !== null && !compiled.ok) return refuseFaults(compiled.faults, 'invalid_filter');
  const faults = await faultsOf(tx, wish);
  if (faults.length > 0) return refuse('malformed_request', faults);
  await stopExecutions(tx);
  const before = await readWindow(tx, wish.name);
  const written = await insert(tx, wish, compiled?.condition ?? null, actor);
  if (written === null) return before !== null && isSame(before, wish) ? before : refuse('window_exists');
  announce(tx, wish.name, 'set', actor, wish.reason);
  return written;
}

export interface WindowRemoval {
  name: string;
  reason: string;
  by: Caller;
}

/**
 * Removes a window, which takes two people unless its time is over: the first asks, and within a day another person, whatever their identities, does it. What it held is looked at
 * again.
 */
export async function removeFreezeWindow(
  tx: Tx,
  wish: WindowRemoval,
  deps: Deps,
): Promise<{ window: FreezeWindowView; removed: boolean } | Refusal> {
  const outcome = await remove(tx, wish, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function remove(
  tx: Tx,
  { name, reason, by }: WindowRemoval,
  deps: Deps,
): Promise<{ window: FreezeWindowView; removed: boolean } | Refusal> {
  const actor = await resolveActor(tx, by);
  const refusal = await refusalToAdminister(tx, deps, { action: 'switch:put', actor, off: false }, 'freezes');
  if (refusal !== null) return refusal;
  await stopExecutions(tx);
  const window = await readWindow(tx, name);
  if (window === null) return refuse('not_found');
  const [over] = await tx.rows<{ over: boolean }>(
    'SELECT w.ends_at IS NOT NULL AND w.ends_at <= exequatur.clock() AS over FROM exequatur.freeze_window w WHERE w.name = $1',
    [name],
  );
  const asked = window.removalAskedBy?.id;
  if (over?.over !== true && (asked === undefined || !(await isSecondPerson(tx, asked, actor, deps)))) {
    if (asked === actor.id) return { window, removed: false };
    announce(tx, name, 'removal_asked', actor, reason);
    await tx.rows('UPDATE exequatur.freeze_window w SET removal_asked_by = $2, removal_asked_at = exequatur.clock() WHERE w.name = $1', [
      name,
      actor.id,
    ]);
    return { window: (await readWindow(tx, name)) ?? window, removed: false };
  }
  announce(tx, name, 'removed', actor, reason);
  await tx.rows('SELECT exequatur.remove_freeze_window($1, $2)', [name, actor.id]);
  await nudgeHeld(tx);
  return { window, removed: true };
}

async function readWindow(tx: Tx, name: string): Promise<FreezeWindowView | null> {
  const [row] = await tx.rows<{ view: FreezeWindowView }>(
    `SELECT ${windowJson('w')} AS view FROM exequatur.freeze_window w WHERE w.name = $1`,
    [name],
  );
  return row?.view ?? null;
}

async function compileObjects(tx: Tx, objects: FrozenObjects | undefined, { ontologies }: Deps): Promise<FilterOutcome | null> {
  if (objects === undefined) return null;
  const loaded = await ontologies.load(tx);
  const outcome: FilterOutcome =
    loaded === null ? { ok: false, faults: [noType(objects.type)] } : compileFilter(loaded.ontology, objects.type, objects.filter);
  if (outcome.ok) {
    // Whoever sees what a window holds would learn what the values are.
    const properties = loaded?.ontology.objectTypes.get(objects.type)?.properties;
    const hidden = propertiesIn(outcome.condition).filter((property) => properties?.get(property)?.sensitive);
    const message = (property: string) => `${property} is sensitive and cannot be asked for`;
    return hidden.length === 0
      ? outcome
      : {
          ok: false,
          faults: hidden.map((property) => ({ code: 'sensitive_property', pointer: '/objects/filter', message: message(property) })),
        };
  }
  const pointer = (code: string) => (code === 'unknown_object_type' ? '/objects/type' : '/objects/filter');
  return { ok: false, faults: outcome.faults.map((fault) => ({ ...fault, pointer: pointer(fault.code) })) };
}

function noType(type: string): Fault {
  return { code: 'unknown_object_type', message: `there is no object type ${type}` };
}

async function insert(
  tx: Tx,
  { name, actionType, objects, reason, once, weekly }: NewFreezeWindow,
  condition: Condition | null,
  actor: Actor,
): Promise<FreezeWindowView | null> {
  const days = weekly?.days.map((day) => weekdays.indexOf(day) + 1);
  const [row] = await tx.rows<{ view: FreezeWindowView }>(
    `INSERT INTO exequatur.freeze_window AS w (tenant_id, name, action_type, reason, starts_at, ends_at, days, from_time, until_time, time_zone, created_by, created_at, object_type, object_filter, object_condition)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1, $2, $3, $4::timestamptz, $5::timestamptz, $6::int[], $7::time, $8::time, $9, $10, exequatur.clock(), $11, $12, $13::jsonb)
     ON CONFLICT DO NOTHING RETURNING ${windowJson('w')} AS view`,
    [
      name,
      actionType ?? null,
      reason,
      once?.from ?? null,
      once?.until ?? null,
      days === undefined ? null : [...new Set(days)].sort(),
      weekly?.from ?? null,
      weekly?.until ?? null,
      weekly?.timeZone ?? null,
      actor.id,
      objects?.type ?? null,
      objects?.filter ?? null,
      condition === null ? null : JSON.stringify(condition),
    ],
  );
  return row?.view ?? null;
}

async function faultsOf(tx: Tx, { actionType, once, weekly }: NewFreezeWindow): Promise<Fault[]> {
  const [known] = await tx.rows<{ action: boolean; zone: boolean }>(
    `SELECT EXISTS (SELECT FROM exequatur.action_type a WHERE a.name = $1 AND NOT a.retired AND NOT exequatur.governs(a.name)) AS action, EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = $2) AS zone`,
    [actionType ?? null, weekly?.timeZone ?? null],
  );
  const fault = (pointer: string, message: string): Fault => ({ code: 'malformed_request', pointer, message });
  return [
    ...(actionType !== undefined && known?.action !== true ? [fault('/actionType', 'there is no such action type')] : []),
    ...(weekly !== undefined && known?.zone !== true ? [fault('/weekly/timeZone', 'is no time zone that is known here')] : []),
    ...(once !== undefined && Date.parse(once.until) <= Date.parse(once.from) ? [fault('/once/until', 'must be later than from')] : []),
  ];
}

function isSame(known: FreezeWindowView, wish: NewFreezeWindow): boolean {
  const once = wish.once === undefined ? null : [Date.parse(wish.once.from), Date.parse(wish.once.until)];
  const knownOnce = known.once === null ? null : [Date.parse(known.once.from), Date.parse(known.once.until)];
  const weekly = (value: Weekly | null | undefined) =>
    value == null ? null : [[...new Set(value.days)].sort(), value.from, value.until, value.timeZone];
  const objects = (of: FrozenObjects | null | undefined) => (of == null ? null : [of.type, of.filter]);
  const wished = [wish.actionType ?? null, objects(wish.objects), wish.reason, once, weekly(wish.weekly)];
  return (
    JSON.stringify(wished) === JSON.stringify([known.actionType, objects(known.objects), known.reason, knownOnce, weekly(known.weekly)])
  );
}

function announce(tx: Tx, name: string, change: 'set' | 'removal_asked' | 'removed', actor: Actor, reason: string): void {
  const personal = { actor: actor.id, reason };
  announceChange(tx, { type: 'freeze_window.changed', subject: `freeze-window/${name}`, facts: { name, change }, personal });
}
