import { randomUUID } from 'node:crypto';
import type { Caller } from '../ontology/authority.ts';
import { digestOf } from '../ontology/canonical-json.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import { parseFor } from '../ontology/parse-change-set.ts';
import { neverRuns, type ScheduleTiming } from '../ontology/schedule-timing.ts';
import { announceChange } from './announce-change.ts';
import { forbiddenByPolicy } from './ask-policies.ts';
import { findAction, refuseUnknownAction } from './create-proposal.ts';
import { isoTime } from './proposal-row.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { mayNotSeeSchedule } from './see-schedules.ts';
import type { Sql, Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';
import { stopFault, stopOf } from './switches.ts';

export interface NewSchedule {
  actionType: string;
  parameters: JsonValue;
  justification: string;
  timing: ScheduleTiming;
  skipWhileOpen: boolean;
  idempotencyKey?: string;
  owner: Caller;
}

export interface ScheduleRunView {
  nominalAt: string;
  /** Null where it made none. */
  proposalId: string | null;
  /** Why, as a code of the catalogue. */
  refused: string | null;
  faults: JsonValue;
}

export interface ScheduleView {
  id: string;
  actionType: string;
  parameters: JsonValue;
  justification: string;
  timing: ScheduleTiming;
  skipWhileOpen: boolean;
  owner: string;
  state: 'active' | 'paused' | 'deleted';
  /** Why it is in this state, who said so, and when. */
  stateReason: string | null;
  stateBy: string;
  stateAt: string;
  /** The newest run that was asked for beside its times. */
  triggered: { at: string; by: string; reason: string } | null;
  /** The newest, newest first. */
  runs: ScheduleRunView[];
  createdAt: string;
}

const shownRuns = 20;
const mostSchedules = 1_000;

/** SQL for a schedule row `s` as clients see it. */
const scheduleJson = `jsonb_build_object('id', s.id, 'actionType', s.action_type, 'parameters', s.parameters::jsonb, 'justification', s.justification, 'timing', s.timing,
  'skipWhileOpen', s.skip_while_open, 'owner', s.owner_id, 'state', s.state, 'stateReason', s.state_reason, 'stateBy', s.state_by, 'stateAt', ${isoTime('s.state_at')},
  'triggered', CASE WHEN s.triggered_at IS NOT NULL THEN jsonb_build_object('at', ${isoTime('s.triggered_at')}, 'by', s.triggered_by, 'reason', s.trigger_reason) END,
  'createdAt', ${isoTime('s.created_at')}, 'runs', COALESCE((
    SELECT jsonb_agg(jsonb_build_object('nominalAt', ${isoTime('r.nominal_at')}, 'proposalId', r.proposal_id, 'refused', r.refused, 'faults', r.faults) ORDER BY r.nominal_at DESC)
      FROM (SELECT * FROM exequatur.schedule_run x WHERE x.tenant_id = s.tenant_id AND x.schedule_id = s.id ORDER BY x.nominal_at DESC LIMIT ${shownRuns}) r), '[]'))`;

/** Null where there is none. */
export async function readSchedule(tx: Sql, id: string): Promise<ScheduleView | null> {
  const [row] = await tx.rows<{ view: ScheduleView }>(`SELECT ${scheduleJson} AS view FROM exequatur.schedule s WHERE s.id = $1::uuid`, [
    id,
  ]);
  return row?.view ?? null;
}

/** Those that were not deleted, newest first. */
export async function listSchedules(tx: Sql): Promise<ScheduleView[]> {
  const rows = await tx.rows<{ view: ScheduleView }>(
    `SELECT ${scheduleJson} AS view FROM exequatur.schedule s WHERE s.state <> 'deleted' ORDER BY s.created_at DESC, s.id LIMIT ${mostSchedules}`,
  );
  return rows.map(({ view }) => view);
}

/** By its exact name: what Temporal, which keeps the time, does not know would never run. */
async function isTimeZone(tx: Sql, name: string): Promise<boolean> {
  const [row] = await tx.rows<{ known: boolean }>('SELECT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = $1) AS known', [name]);
  return row?.known === true;
}

/**
 * Stores a schedule for whoever may propose its action now; each run asks again. The relay makes Temporal keep its time. The same key with the same request finds the schedule
 * that is there.
 */
export async function createSchedule(tx: Tx, request: NewSchedule, deps: StoreDeps): Promise<ScheduleView | Refusal> {
  const outcome = await create(tx, request, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function create(tx: Tx, request: NewSchedule, deps: StoreDeps): Promise<ScheduleView | Refusal> {
  const actor = await resolveActor(tx, request.owner);
  const action = await findAction(tx, request.actionType, deps);
  const { parameters, justification, timing, skipWhileOpen } = request;
  if (action === null) return refuseUnknownAction(request.actionType);
  if (timing.timeZone !== undefined && !(await isTimeZone(tx, timing.timeZone)))
    return refuse('malformed_request', [
      { code: 'malformed_request', pointer: '/timing/timeZone', message: 'is no time zone that is known here' },
    ]);
  const { name } = action.type;
  const authority = deps.decide({ action: 'proposal:create', actor, proposers: action.type.definition.proposers ?? null });
  if (!authority.allowed) return refuse(authority.reason);
  const forbidden = await forbiddenByPolicy(tx, deps, { actor, action: 'propose', resource: name });
  if (forbidden !== null) return forbidden;
  const stop = await stopOf(tx, name, actor);
  if (stop !== null) return refuse('switched_off', [stopFault(stop)]);
  const parsed = parseFor(action.ontology, name, parameters);
  if (!parsed.ok) return refuse('invalid_parameters', parsed.faults);
  const hash = digestOf({ actionType: name, parameters, justification, timing: timing as JsonObject, skipWhileOpen });
  const madeFor = [...new Set([actor.actsFor, request.owner.actsFor].filter((who) => who != null))];
  const id = randomUUID();
  const [made] = await tx.rows<{ createdAt: string }>(
    `INSERT INTO exequatur.schedule (tenant_id, id, action_type, parameters, justification, timing, skip_while_open, owner_id, idempotency_key, request_hash, made_for, state, state_by, state_at, version, created_at)
     SELECT (SELECT current_setting('app.tenant')::uuid), $1::uuid, $2, $3, $4, $5::jsonb, $6::boolean, $7, $8, $9, $10::text[], 'active', $7, c.now, 1, c.now FROM (SELECT exequatur.clock() AS now) c
     ON CONFLICT DO NOTHING RETURNING ${isoTime('created_at')} AS "createdAt"`,
    [id, name, parsed.text, justification, JSON.stringify(timing), skipWhileOpen, actor.id, request.idempotencyKey ?? null, hash, madeFor],
  );
  if (made !== undefined) {
    const never = neverRuns(timing, made.createdAt);
    if (never !== null)
      return refuse('malformed_request', [{ code: 'malformed_request', pointer: `/timing/${never.member}`, message: never.message }]);
    announce(tx, { id, actionType: name, state: 'active' }, { by: actor.id, justification });
    return found(await readSchedule(tx, id));
  }
  const [known] = await tx.rows<{ id: string; same: boolean }>(
    'SELECT s.id::text AS id, s.request_hash = $3 AS same FROM exequatur.schedule s WHERE s.owner_id = $1 AND s.idempotency_key = $2',
    [actor.id, request.idempotencyKey ?? null, hash],
  );
  return known?.same ? found(await readSchedule(tx, known.id)) : refuse('idempotency_key_reused');
}

const becomes = { pause: 'paused', resume: 'active', delete: 'deleted' } as const;

export interface ScheduleChange {
  id: string;
  change: keyof typeof becomes;
  reason: string;
  by: Caller;
}

/** Pauses a schedule, lets it run again, or deletes it. What is so already stays as it is. */
export async function changeSchedule(
  tx: Tx,
  { id, change, reason, by }: ScheduleChange,
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<ScheduleView | Refusal> {
  const actor = await resolveActor(tx, by);
  const row = await lockSchedule(tx, id);
  if (row === undefined) return refuse('not_found');
  const unseen = await mayNotSeeSchedule(tx, deps, actor, id);
  if (unseen !== null) return unseen;
  const authority = deps.decide({ action: 'schedule:change', actor, change, schedule: row });
  if (!authority.allowed) return refuse(authority.reason);
  const state = becomes[change];
  if (row.state === 'deleted' && state !== 'deleted') return refuse('schedule_not_changed');
  if (row.state !== state) {
    await tx.rows(
      `UPDATE exequatur.schedule s SET state = $2, state_reason = $3, state_by = $4, state_at = exequatur.clock(), version = s.version + 1 WHERE s.id = $1::uuid`,
      [id, state, reason, actor.id],
    );
    announce(tx, { id, actionType: row.actionType, state }, { by: actor.id, reason });
  }
  return found(await readSchedule(tx, id));
}

/**
 * Has a schedule run at once, beside its times: the relay begins the run within a second or two, and it asks what each run asks. Where the last that was asked for has not been
 * begun, that is the one.
 */
export async function triggerSchedule(
  tx: Tx,
  { id, reason, by }: Omit<ScheduleChange, 'change'>,
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<ScheduleView | Refusal> {
  const actor = await resolveActor(tx, by);
  const row = await lockSchedule(tx, id);
  if (row === undefined) return refuse('not_found');
  const unseen = await mayNotSeeSchedule(tx, deps, actor, id);
  if (unseen !== null) return unseen;
  const authority = deps.decide({ action: 'schedule:change', actor, change: 'trigger', schedule: row });
  if (!authority.allowed) return refuse(authority.reason);
  if (row.state !== 'active') return refuse('schedule_not_active');
  // To the millisecond: the run goes by this instant, also where it travels as text.
  const triggered = await tx.rows(
    `UPDATE exequatur.schedule s SET triggered_at = date_trunc('milliseconds', exequatur.clock()), triggered_by = $2, trigger_reason = $3, version = s.version + 1
      WHERE s.id = $1::uuid AND NOT coalesce(s.told_version < s.version AND s.triggered_at > exequatur.clock() - interval '10 minutes', false) RETURNING 1`,
    [id, actor.id, reason],
  );
  if (triggered.length > 0) announce(tx, { id, actionType: row.actionType, state: 'triggered' }, { by: actor.id, reason });
  return found(await readSchedule(tx, id));
}

interface ScheduleFacts {
  ownerId: string;
  ownerActsFor: string | null;
  changedBy: string;
  state: ScheduleView['state'];
  actionType: string;
}

async function lockSchedule(tx: Tx, id: string): Promise<ScheduleFacts | undefined> {
  const [row] = await tx.rows<ScheduleFacts & Record<string, unknown>>(
    `SELECT s.owner_id AS "ownerId", w.acts_for AS "ownerActsFor", s.state_by AS "changedBy", s.state, s.action_type AS "actionType"
       FROM exequatur.schedule s LEFT JOIN exequatur.principal w ON w.tenant_id = s.tenant_id AND w.id = s.owner_id WHERE s.id = $1::uuid FOR NO KEY UPDATE OF s`,
    [id],
  );
  return row;
}

function announce(tx: Tx, facts: { id: string; actionType: string; state: string }, personal: Record<string, string>): void {
  const { id, ...rest } = facts;
  announceChange(tx, { type: 'schedule.changed', subject: `schedule/${id}`, facts: { scheduleId: id, ...rest }, personal });
}

function found(view: ScheduleView | null): ScheduleView {
  if (view === null) throw new Error('a schedule vanished in its own transaction');
  return view;
}
