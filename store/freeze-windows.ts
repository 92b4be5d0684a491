import { isoTime } from './proposal-row.ts';
import type { Sql } from './sql.ts';

export interface Once {
  /** RFC 3339. */
  from: string;
  until: string;
}

export interface Weekly {
  days: Weekday[];
  /** `HH:MM` by the clocks of `timeZone`; where `until` is no later than `from` it is of the next day. */
  from: string;
  until: string;
  /** An IANA name, as PostgreSQL knows it. */
  timeZone: string;
}

export const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export type Weekday = (typeof weekdays)[number];

/** Objects of a type that a CEL filter selects, as in a list. */
export interface FrozenObjects {
  type: string;
  filter: string;
}

export interface FreezeWindowView {
  name: string;
  /** Null: everything of the tenant. */
  actionType: string | null;
  /** Null: whatever a plan touches. */
  objects: FrozenObjects | null;
  reason: string;
  once: Once | null;
  weekly: Weekly | null;
  /** Until when it is open, if it is. */
  openUntil: string | null;
  createdBy: string;
  createdAt: string;
  /** Null also where it was asked for so long ago that it counts no more. */
  removalAskedBy: { id: string; at: string } | null;
}

/** So long another may do what one has asked for; later they would agree to what somebody wanted in another situation. Equal to what exequatur.remove_freeze_window() asks. */
const removalLasts = '1 day';

/** SQL for one window row `w` as clients see it. */
export const windowJson = (w: string): string => `jsonb_build_object(
  'name', ${w}.name, 'actionType', ${w}.action_type,
  'objects', CASE WHEN ${w}.object_type IS NOT NULL THEN jsonb_build_object('type', ${w}.object_type, 'filter', ${w}.object_filter) END, 'reason', ${w}.reason,
  'once', CASE WHEN ${w}.starts_at IS NOT NULL THEN jsonb_build_object('from', ${isoTime(`${w}.starts_at`)}, 'until', ${isoTime(`${w}.ends_at`)}) END,
  'weekly', CASE WHEN ${w}.days IS NOT NULL THEN jsonb_build_object(
     'days', (SELECT jsonb_agg((ARRAY['${weekdays.join("','")}'])[d] ORDER BY d) FROM unnest(${w}.days) d),
     'from', to_char(${w}.from_time, 'HH24:MI'), 'until', to_char(${w}.until_time, 'HH24:MI'), 'timeZone', ${w}.time_zone) END,
  'openUntil', ${isoTime(`exequatur.open_until(${w}, exequatur.clock())`)}, 'createdBy', ${w}.created_by, 'createdAt', ${isoTime(`${w}.created_at`)},
  'removalAskedBy', CASE WHEN ${w}.removal_asked_at > exequatur.clock() - interval '${removalLasts}' THEN jsonb_build_object('id', ${w}.removal_asked_by, 'at', ${isoTime(`${w}.removal_asked_at`)}) END)`;

export async function listFreezeWindows(tx: Sql): Promise<FreezeWindowView[]> {
  const rows = await tx.rows<{ view: FreezeWindowView }>(
    `SELECT ${windowJson('w')} AS view FROM exequatur.freeze_window w ORDER BY w.name`,
  );
  return rows.map(({ view }) => view);
}
