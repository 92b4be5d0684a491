import { isoTime } from './proposal-row.ts';

export type PromptKind = 'reminder' | 'escalation';

/** Since when a plan awaits approval, and what has been sent to those who could give it. */
export interface SentPrompts {
  /** ISO time: the beginning from which reminders and the escalation are counted. */
  since: string;
  /** The highest number of a reminder since then. */
  reminders: number;
  escalated: boolean;
}

/**
 * SQL: since when a proposal row `p` awaits the approval of its plan row `l`. A plan simulated again goes on waiting; one that was approved and has come back begins
 * anew, since somebody did answer.
 */
const awaitedSince = (p: string, l: string): string => `(SELECT date_trunc('milliseconds',
  CASE WHEN (${p}.status_timestamps ->> 'approved')::timestamptz > s.began THEN greatest(s.began, (${p}.status_timestamps ->> 'awaiting_approval')::timestamptz) ELSE s.began END)
  FROM (SELECT greatest(${l}.created_at, exequatur.counted_since(${l}.id)) AS began) s)`;

/** SQL for the same as JSON; null where the policy asks for nothing of the kind. An escalation holds as long as the plan. */
export const sentPromptsJson = (
  p: string,
  l: string,
): string => `CASE WHEN ${l}.requirement ? 'remind' OR ${l}.requirement ? 'escalate' THEN (
  SELECT jsonb_build_object('since', ${isoTime('w.since')},
      'reminders', (SELECT coalesce(max(t.number), 0) FROM exequatur.prompt t WHERE t.tenant_id = ${l}.tenant_id AND t.plan_id = ${l}.id AND t.kind = 'reminder' AND t.since = w.since),
      'escalated', EXISTS (SELECT FROM exequatur.prompt t WHERE t.tenant_id = ${l}.tenant_id AND t.plan_id = ${l}.id AND t.kind = 'escalation' AND t.sent_at >= exequatur.counted_since(${l}.id)))
    FROM (SELECT ${awaitedSince(p, l)} AS since) w) END`;
