import type pg from 'pg';
import { hashBytes, StoredTiles, splitHashes, type TileRoots } from '../audit/merkle.ts';
import { sqlStateOf } from './sql-state.ts';

/** A tenant's log that has entries beyond its last checkpoint. */
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

/** Over all tenants but those `passed` over, those first whose entries have waited longest; through functions that the database keeps for the relay's login. */
export async function logsToSeal(pool: pg.Pool, { passed, limit }: { passed: readonly string[]; limit: number }): Promise<LogToSeal[]> {
  const { rows } = await pool.query<LogToSeal>({
    name: 'logs_to_seal',
    text: `SELECT l.tenant_id AS tenant, l.head::float8 AS head, l.sealed::float8 AS sealed, l.root
             FROM exequatur.logs_to_seal($1::int, $2::uuid[]) l`,
    values: [limit, passed],
  });
  return rows;
}

/** The tree of a tenant's log, as far as it is committed. */
export function tilesOfLog(pool: pg.Pool, tenant: string, roots?: TileRoots): StoredTiles {
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

/** False where another sealer has come as far already. */
export async function storeCheckpoint(
  pool: pg.Pool,
  { tenant, size, root, note, tiles }: { tenant: string; size: number; root: Buffer; note: string; tiles: readonly Tile[] },
): Promise<boolean> {
  const { rows } = await pool.query<{ stored: boolean }>({
    name: 'store_checkpoint',
    text: 'SELECT exequatur.store_checkpoint($1::uuid, $2::bigint, $3::bytea, $4, $5::jsonb) AS stored',
    values: [tenant, size, root, note, JSON.stringify(tiles.map((tile) => ({ ...tile, hashes: tile.hashes.toString('hex') })))],
  });
  return rows[0]?.stored === true;
}

/** Tells of the newest checkpoint of one log of which another was told less than ten seconds before it. @returns whether there was one. */
export async function tellDueCheckpoint(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ told: boolean }>({
    name: 'tell_due_checkpoint',
    text: 'SELECT exequatur.tell_due_checkpoint() AS told',
  });
  return rows[0]?.told === true;
}
