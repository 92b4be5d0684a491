import type pg from 'pg';
import { hashBytes, StoredTiles, splitHashes, type TileRoots } from '../audit/merkle.ts';
import { type Claimed, claimLogs } from './log-claim.ts';
import { sqlStateOf } from './sql-state.ts';

/** A tenant's log that has entries beyond its last checkpoint; or fewer than that, since it was cut off. */
export interface LogToSeal {
  tenant: string;
  /** How many entries it has. */
  head: number;
  /** How many the last checkpoint covers, and the root that it signed; 0 and null where there is none. */
  sealed: number;
  root: Buffer | null;
}

export interface Tile {
  level: number;
  tile: number;
  hashes: Buffer;
}

/** A log lacks entries that its head, or a checkpoint, counts; or one of them has no bytes, being of a time that there is not. */
export class EntriesMissing extends Error {
  constructor(cause?: unknown) {
    super('the log has fewer entries than were counted', { cause });
  }
}

/** What PostgreSQL says of a value that has no bytes: out of range (22), or a time without end (0A). */
const ofValues = /^(?:22|0A)/;

function ofSpoiltEntries(error: unknown): never {
  throw ofValues.test(sqlStateOf(error) ?? '') ? new EntriesMissing(error) : error;
}

/** Logs over all tenants but those `passed` over, those first whose entries have waited longest. */
export function claimLogsToSeal(
  pool: pg.Pool,
  { passed, limit }: { passed: readonly string[]; limit: number },
): Promise<Claimed<LogToSeal>> {
  return claimLogs(pool, async (client) => {
    const { rows } = await client.query<LogToSeal>({
      name: 'claim_logs_to_seal',
      text: `SELECT l.tenant_id AS tenant, l.head::float8 AS head, l.sealed::float8 AS sealed, l.root
               FROM exequatur.logs_to_seal(NULL, $2::uuid[]) l WHERE pg_try_advisory_xact_lock(hashtextextended(l.tenant_id::text, 4)) LIMIT $1::int`,
      values: [limit, passed],
    });
    // What another relay has sealed between the look and the claim is none of these.
    const sizes = await lastCheckpoints(
      client,
      rows.map(({ tenant }) => tenant),
    );
    return rows.filter(({ tenant, sealed }) => (sizes.get(tenant) ?? 0) === sealed);
  });
}

async function lastCheckpoints(client: pg.PoolClient, tenants: readonly string[]): Promise<Map<string, number>> {
  if (tenants.length === 0) return new Map();
  const { rows } = await client.query<{ tenant: string; size: number }>({
    name: 'last_checkpoints',
    text: 'SELECT c.tenant_id AS tenant, c.size::float8 AS size FROM exequatur.last_checkpoints($1::uuid[]) c',
    values: [tenants],
  });
  return new Map(rows.map(({ tenant, size }) => [tenant, size]));
}

/** Leaves of one log from an index on, read together with those of others. */
export interface LeavesAhead {
  from: number;
  leaves: readonly Buffer[];
}

/** By tenant, the leaves from index `from` to before `to`, and further to before `atMost` as far as there are any. What cannot be read is left out, and told of when it is read by itself. */
export async function readLeavesAhead(
  pool: pg.Pool,
  stretches: readonly { tenant: string; from: number; to: number; atMost: number }[],
): Promise<Map<string, LeavesAhead>> {
  const { rows } = await pool
    .query<{ tenant: string; leaves: Buffer | null }>({
      name: 'leaves_ahead',
      text: 'SELECT l.tenant_id AS tenant, l.leaves FROM exequatur.leaves_of_logs($1::uuid[], $2::bigint[], $3::bigint[]) l',
      values: [stretches.map(({ tenant }) => tenant), stretches.map(({ from }) => from), stretches.map(({ atMost }) => atMost)],
    })
    .catch((error: unknown) => {
      if (ofValues.test(sqlStateOf(error) ?? '')) return { rows: [] };
      throw error;
    });
  const found = new Map(rows.map(({ tenant, leaves }) => [tenant, leaves]));
  return new Map(
    stretches.flatMap(({ tenant, from, to }) => {
      const leaves = found.get(tenant) ?? Buffer.alloc(0);
      return leaves.length >= (to - from) * hashBytes ? [[tenant, { from, leaves: splitHashes(leaves) }]] : [];
    }),
  );
}

/** The tree of a tenant's log, as far as it is committed. */
export function tilesOfLog(pool: pg.Pool, tenant: string, roots?: TileRoots, ahead?: LeavesAhead): StoredTiles {
  return new StoredTiles(
    async (level, tile) => {
      const { rows } = await pool.query<{ hashes: Buffer | null }>({
        name: 'log_tile',
        text: 'SELECT exequatur.log_tile($1::uuid, $2::int, $3::bigint) AS hashes',
        values: [tenant, level, tile],
      });
      return rows[0]?.hashes ?? null;
    },
    async (from, to) => {
      if (ahead !== undefined && from >= ahead.from && to <= ahead.from + ahead.leaves.length)
        return ahead.leaves.slice(from - ahead.from, to - ahead.from);
      const { rows } = await pool
        .query<{ leaves: Buffer | null }>({
          name: 'log_leaves',
          text: `SELECT string_agg(l, ''::bytea) AS leaves FROM exequatur.log_leaves($1::uuid, $2::bigint, $3::bigint) l`,
          values: [tenant, from, to],
        })
        .catch(ofSpoiltEntries);
      const leaves = rows[0]?.leaves ?? Buffer.alloc(0);
      if (leaves.length !== (to - from) * hashBytes) throw new EntriesMissing();
      return splitHashes(leaves);
    },
    roots,
  );
}

export interface SealedLog {
  tenant: string;
  size: number;
  root: Buffer;
  note: string;
  tiles: readonly Tile[];
}

/** @returns how many were stored: of a log that another sealer has brought as far already, or works on at this moment, none is. */
export async function storeCheckpoints(pool: pg.Pool, checkpoints: readonly SealedLog[]): Promise<number> {
  const inHex = checkpoints.map(({ root, tiles, ...others }) => ({
    ...others,
    root: root.toString('hex'),
    tiles: tiles.map((tile) => ({ ...tile, hashes: tile.hashes.toString('hex') })),
  }));
  const { rows } = await pool.query({
    name: 'store_checkpoints',
    text: 'SELECT FROM exequatur.store_checkpoints($1::jsonb)',
    values: [JSON.stringify(inHex)],
  });
  return rows.length;
}

/** Tells of the newest checkpoint of one log of which another was told less than ten seconds before it. @returns whether there was one. */
export async function tellDueCheckpoint(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ told: boolean }>({
    name: 'tell_due_checkpoint',
    text: 'SELECT exequatur.tell_due_checkpoint() AS told',
  });
  return rows[0]?.told === true;
}
