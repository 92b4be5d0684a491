import type pg from 'pg';
import type { ProposalStatus } from '../ontology/lifecycle.ts';
import type { ScheduleTiming } from '../ontology/schedule-timing.ts';
import { isoTime } from './proposal-row.ts';

/**
 * What the relay sees over all tenants: ids and states, through functions that the database keeps for its login, which sees no tenant's rows otherwise.
 */
export interface PendingNudge {
  tenant: string;
  nudgeId: string;
  proposalId: string;
  actionType: string;
  status: ProposalStatus;
  /** W3C trace context of the request that wrote it, where that was traced. */
  traceparent: string | null;
}

export interface OpenProposal {
  tenant: string;
  proposalId: string;
  actionType: string;
  status: ProposalStatus;
  /** How long nothing has moved it. */
  quietMs: number;
}

/** Nudges that Temporal has not been told of for a while, oldest first. Locks nothing: two relays may deliver one twice, which is harmless. */
export async function undeliveredNudges(
  pool: pg.Pool,
  { olderThanMs, limit }: { olderThanMs: number; limit: number },
): Promise<PendingNudge[]> {
  const { rows } = await pool.query<PendingNudge>({
    name: 'undelivered_nudges',
    text: `SELECT n.tenant_id AS tenant, n.nudge_id AS "nudgeId", n.proposal_id AS "proposalId", n.action_type AS "actionType", n.status, n.traceparent
             FROM exequatur.undelivered_nudges(make_interval(secs => $1::float8 / 1000), $2::int) n`,
    values: [olderThanMs, limit],
  });
  return rows;
}

/** Types with indexes to build or to drop. */
export async function typesWithUnfinishedIndexes(pool: pg.Pool, limit: number): Promise<{ tenantId: string; objectType: string }[]> {
  const { rows } = await pool.query<{ tenantId: string; objectType: string }>(
    'SELECT i.tenant_id AS "tenantId", i.type AS "objectType" FROM exequatur.unfinished_indexes($1::int) i',
    [limit],
  );
  return rows;
}

/** Migrations that go on. */
export async function runningMigrations(pool: pg.Pool, limit: number): Promise<{ tenantId: string; migrationId: string }[]> {
  const { rows } = await pool.query<{ tenantId: string; migrationId: string }>(
    'SELECT m.tenant_id AS "tenantId", m.id AS "migrationId" FROM exequatur.running_migrations($1::int) m',
    [limit],
  );
  return rows;
}

/** Executed proposals whose emergency awaits its review. */
export async function unreviewedEmergencies(
  pool: pg.Pool,
  limit: number,
): Promise<{ tenantId: string; proposalId: string; actionType: string }[]> {
  const { rows } = await pool.query<{ tenantId: string; proposalId: string; actionType: string }>(
    'SELECT e.tenant_id AS "tenantId", e.proposal_id AS "proposalId", e.action_type AS "actionType" FROM exequatur.unreviewed_emergencies($1::int) e',
    [limit],
  );
  return rows;
}

/** How many emergencies of all tenants await their review, and how many of them longer than they may. */
export async function owedReviews(pool: pg.Pool): Promise<{ due: number; missed: number }> {
  const { rows } = await pool.query<{ due: number; missed: number }>('SELECT o.due::int, o.missed::int FROM exequatur.owed_reviews() o');
  return rows[0] ?? { due: 0, missed: 0 };
}

/** A repeat changes nothing. */
export async function markNudgeDelivered(pool: pg.Pool, tenant: string, nudgeId: string): Promise<void> {
  await pool.query('SELECT 1 FROM exequatur.mark_nudge_delivered($1::uuid, $2::uuid)', [tenant, nudgeId]);
}

/** Proposals in no final state that nothing moved for `quietMs`, ordered by tenant and id; `after` is the last one seen. */
export async function openProposals(
  pool: pg.Pool,
  { after, limit, quietMs }: { after?: OpenProposal; limit: number; quietMs: number },
): Promise<OpenProposal[]> {
  const { rows } = await pool.query<OpenProposal>(
    `SELECT p.tenant_id AS tenant, p.proposal_id AS "proposalId", p.action_type AS "actionType", p.status, extract(epoch FROM exequatur.clock() - p.updated_at)::float8 * 1000 AS "quietMs"
       FROM exequatur.open_proposals($1::uuid, $2::uuid, $3::int, make_interval(secs => $4::float8 / 1000)) p`,
    [after?.tenant ?? null, after?.proposalId ?? null, limit, quietMs],
  );
  return rows;
}

export interface ScheduleToTell {
  tenantId: string;
  scheduleId: string;
  actionType: string;
  timing: ScheduleTiming;
  state: 'active' | 'paused' | 'deleted';
  version: number;
  /** When a run was asked for beside its times, ISO text. */
  triggeredAt: string | null;
}

/** Schedules that changed since Temporal was told of them, with `everything` all that are active as well, ordered by tenant and id; `after` is the last one seen. */
export async function schedulesToTell(
  pool: pg.Pool,
  { everything, after, limit }: { everything: boolean; after?: ScheduleToTell; limit: number },
): Promise<ScheduleToTell[]> {
  const { rows } = await pool.query<ScheduleToTell>(
    `SELECT s.tenant_id AS "tenantId", s.id AS "scheduleId", s.action_type AS "actionType", s.timing, s.state, s.version, ${isoTime('s.triggered_at')} AS "triggeredAt" FROM exequatur.schedules_to_tell($1::boolean, $2::uuid, $3::uuid, $4::int) s`,
    [everything, after?.tenantId ?? null, after?.scheduleId ?? null, limit],
  );
  return rows;
}

export async function markScheduleTold(pool: pg.Pool, { tenantId, scheduleId, version }: ScheduleToTell): Promise<void> {
  await pool.query('SELECT exequatur.mark_schedule_told($1::uuid, $2::uuid, $3::int)', [tenantId, scheduleId, version]);
}
