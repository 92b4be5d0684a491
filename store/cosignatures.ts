import type pg from 'pg';
import { type Claimed, claimLogs } from './log-claim.ts';

/** The newest checkpoint of a tenant's log, which a witness has not cosigned yet. */
export interface CheckpointToCosign {
  tenant: string;
  size: number;
  note: string;
  /** Of the last checkpoint that the witness has cosigned; 0 where there is none. */
  cosigned: number;
}

/** Over all tenants but those `passed` over, those first that have waited longest, and none that another relay submits to this witness at this moment. */
export function claimCheckpointsToCosign(
  pool: pg.Pool,
  { witness, passed, limit }: { witness: string; passed: readonly string[]; limit: number },
): Promise<Claimed<CheckpointToCosign>> {
  return claimLogs(pool, async (client) => {
    const claimed = await client.query<{ tenants: string[] }>({
      name: 'claim_checkpoints_to_cosign',
      text: `SELECT coalesce(array_agg(x.tenant_id::text), '{}') AS tenants
               FROM (SELECT c.tenant_id FROM exequatur.checkpoints_to_cosign($1, $2::uuid[], NULL) c
                      WHERE pg_try_advisory_xact_lock(hashtextextended(c.tenant_id || ' ' || $1, 5)) LIMIT $3::int) x`,
      values: [witness, passed, limit],
    });
    const tenants = claimed.rows[0]?.tenants ?? [];
    if (tenants.length === 0) return [];
    // What another relay had cosigned until it was claimed is seen from here on.
    const { rows } = await client.query<CheckpointToCosign>({
      name: 'checkpoints_to_cosign',
      text: `SELECT c.tenant_id AS tenant, c.size::float8 AS size, c.note, c.cosigned::float8 AS cosigned
               FROM exequatur.checkpoints_to_cosign($1, $2::uuid[], NULL) c WHERE c.tenant_id = ANY ($3::uuid[])`,
      values: [witness, passed, tenants],
    });
    return rows;
  });
}

export interface FiledCosignatures {
  tenant: string;
  size: number;
  note: string;
  lines: string[];
}

/** What is filed as cosignatures of a witness under the newest checkpoints, where anything is; of tenants in order, from behind one, or from the first. */
export async function filedCosignatures(
  pool: pg.Pool,
  { witness, after, limit }: { witness: string; after: string | null; limit: number },
): Promise<FiledCosignatures[]> {
  const { rows } = await pool.query<FiledCosignatures>({
    name: 'filed_cosignatures',
    text: 'SELECT f.tenant_id AS tenant, f.size::float8 AS size, f.note, f.lines FROM exequatur.filed_cosignatures($1, $2::uuid, $3::int) f',
    values: [witness, after, limit],
  });
  return rows;
}

/** How many entries the last checkpoint of a log covers. */
export async function lastCheckpoint(pool: pg.Pool, tenant: string): Promise<number> {
  const { rows } = await pool.query<{ size: number }>({
    name: 'last_checkpoint',
    text: 'SELECT exequatur.last_checkpoint($1::uuid)::float8 AS size',
    values: [tenant],
  });
  return rows[0]?.size ?? 0;
}

/**
 * `at` is in seconds since 1970. A repeat stores nothing. False where it is not filed: the checkpoint is gone, another has long been in its place, or it has no room for
 * another line.
 */
export async function storeCosignature(
  pool: pg.Pool,
  { tenant, size, witness, line, at }: { tenant: string; size: number; witness: string; line: string; at: number },
): Promise<boolean> {
  const { rows } = await pool.query<{ filed: boolean }>({
    name: 'store_cosignature',
    text: 'SELECT exequatur.store_cosignature($1::uuid, $2::bigint, $3, $4, to_timestamp($5::float8)) AS filed',
    values: [tenant, size, witness, line, at],
  });
  return rows[0]?.filed === true;
}

/** Forgets checkpoints whose place a later one of the same hour takes, a day after; of those made since a time, or of all. @returns how many. */
export async function thinCheckpoints(pool: pg.Pool, since: Date | null, limit: number): Promise<number> {
  const { rows } = await pool.query<{ gone: number }>({
    name: 'thin_checkpoints',
    text: 'SELECT exequatur.thin_checkpoints($1::timestamptz, $2::int)::float8 AS gone',
    values: [since, limit],
  });
  return rows[0]?.gone ?? 0;
}
