import type pg from 'pg';
import type { CloudEvent, Position } from '../ontology/cloud-event.ts';
import { type EventPage, eventColumns, type PageSize, pageOf } from './read-events.ts';

/** Of one tenant's events on their way to one sink: nobody else publishes them until the claim runs out. */
export interface Claim {
  tenant: string;
  sink: string;
  claimant: string;
}

export interface Lane extends Claim, Position {}

/** A key of which no event is published before something is decided about the first that was refused, at this position. */
export interface Hold extends Position {
  key: string;
  resolution: 'retry' | 'reference' | 'skip' | null;
}

const seconds = 'make_interval(secs => $3::float8 / 1000)';

/** Lanes that have events to publish, served longest ago first. They are the claimant's for `leaseMs`, and for as long again with each move. */
export async function claimKafkaLanes(
  pool: pg.Pool,
  { claimant, limit, leaseMs }: { claimant: string; limit: number; leaseMs: number },
): Promise<Lane[]> {
  const { rows } = await pool.query<Lane>({
    name: 'claim_kafka_lanes',
    text: `SELECT l.tenant_id AS tenant, l.sink, l.seq::float8 AS seq, l.ordinal, $1::text AS claimant FROM exequatur.claim_kafka_lanes($1::text::uuid, $2::int, ${seconds}) l`,
    values: [claimant, limit, leaseMs],
  });
  return rows;
}

/** Events of the lane's tenant behind a position, in the order of commits, with those that cannot be told. */
export async function laneEvents(
  pool: pg.Pool,
  { tenant }: Pick<Claim, 'tenant'>,
  after: Position,
  { limit, bytes }: PageSize,
): Promise<EventPage> {
  const { rows } = await pool.query({
    name: 'lane_events',
    text: `SELECT ${eventColumns} FROM exequatur.lane_events($1::uuid, $2::bigint, $3::int, $4::int, $5::int) e`,
    values: [tenant, after.seq, after.ordinal, limit, bytes],
  });
  return pageOf(rows, after);
}

/** Says that all before this is published, or wanted by nobody. False where the claim has been lost. `leaseMs` null gives it up. */
export async function moveLane(pool: pg.Pool, { tenant, sink, claimant }: Claim, to: Position, leaseMs: number | null): Promise<boolean> {
  const { rows } = await pool.query<{ moved: boolean }>({
    name: 'move_lane',
    text: 'SELECT exequatur.move_lane($1::uuid, $2, $4::uuid, $5::bigint, $6::int, make_interval(secs => $3::float8 / 1000)) AS moved',
    values: [tenant, sink, leaseMs, claimant, to.seq, to.ordinal],
  });
  return rows[0]?.moved === true;
}

export async function laneHolds(pool: pg.Pool, { tenant, sink }: Lane): Promise<Hold[]> {
  const { rows } = await pool.query<Hold>({
    name: 'lane_holds',
    text: 'SELECT w.key, w.seq::float8 AS seq, w.ordinal, w.resolution FROM exequatur.lane_holds($1::uuid, $2) w',
    values: [tenant, sink],
  });
  return rows;
}

/** Holds a key at this event. False where the claim has been lost. */
export async function holdKey(
  pool: pg.Pool,
  { tenant, sink, claimant }: Lane,
  event: CloudEvent,
  at: Position,
  reason: string,
): Promise<boolean> {
  const { rows } = await pool.query<{ held: boolean }>({
    name: 'hold_key',
    text: 'SELECT exequatur.hold_key($1::uuid, $2, $3::uuid, $4, $5::bigint, $6::int, $7, $8, $9) AS held',
    values: [tenant, sink, claimant, event.partitionkey, at.seq, at.ordinal, event.id, event.type, reason],
  });
  return rows[0]?.held === true;
}

export async function releaseKey(pool: pg.Pool, { tenant, sink, claimant }: Lane, key: string): Promise<void> {
  await pool.query({
    name: 'release_key',
    text: 'SELECT exequatur.release_key($1::uuid, $2, $3::uuid, $4)',
    values: [tenant, sink, claimant, key],
  });
}

export interface EventBacklog {
  /** Of all tenants' logs, that have not been looked through for events. */
  entries: number;
  /** How long the oldest of them has waited. */
  oldestMs: number;
  heldKeys: number;
}

export async function eventBacklog(pool: pg.Pool): Promise<EventBacklog> {
  const { rows } = await pool.query<EventBacklog>(
    `SELECT b.entries::float8 AS entries, coalesce(extract(epoch FROM exequatur.clock() - b.oldest)::float8 * 1000, 0) AS "oldestMs", b.held::float8 AS "heldKeys"
       FROM exequatur.event_backlog() b`,
  );
  return rows[0] ?? { entries: 0, oldestMs: 0, heldKeys: 0 };
}
