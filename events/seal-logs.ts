import type pg from 'pg';
import { extended, type Frontier, frontierRoot } from '../audit/frontier.ts';
import type { FrontierMemory } from '../audit/frontier-memory.ts';
import { rangeHashes, rootOf, type StoredTiles, tileWidth } from '../audit/merkle.ts';
import { checkpointText, type NoteSigner, type Signers, signNote } from '../audit/signed-note.ts';
import type { TileMemory } from '../audit/tile-memory.ts';
import {
  claimLogsToSeal,
  EntriesMissing,
  type LeavesAhead,
  type LogToSeal,
  readLeavesAhead,
  type SealedLog,
  storeCheckpoints,
  type Tile,
  tellDueCheckpoint,
  tilesOfLog,
} from '../store/log-work.ts';
import type { Logger } from '../telemetry/logger.ts';
import { severalAtOnce } from './several-at-once.ts';

/** Of one round; those that have waited longest come first, so none waits for ever. Each round looks at the ends of all logs: many small ones would do that again and again. */
export const mostLogs = 500;
const rewrittenAgainMs = 60_000; // Nothing mends it by itself; it is told again each minute until somebody has looked.
const unsignedAgainMs = 5_000; // As long as a command is waited for: while it fails at one log, others are not kept waiting for that more than half of the time.
const mostUnsigned = 4; // Of one round; where so many fail nobody signs, and no more are begun.
const mostTogether = 50; // Logs whose entries are read, and whose checkpoints are stored, by one statement each: it keeps writers waiting for some ten milliseconds.
const batchesAtOnce = 2; // While one waits for its commit the other signs.
const signedAtOnce = 4; // Of one batch, where a command signs.
const mostMeanwhile = 256; // Entries that came since the round began and are sealed with it.
const mostEntries = 65_536; // Of one batch, and of one checkpoint: hashes are held in memory until they are stored. The database takes no more of one either.

/** The log of a tenant says otherwise than what was signed of it: it is sealed no further until somebody has looked. */
class LogRewritten extends Error {}

/** Whoever is to sign does not, or signs something else. */
class NotSigned extends Error {}

interface SealingDeps {
  pool: pg.Pool;
  signers: Signers;
  logger: Logger;
  /** Tenants whose logs were rewritten, and when each is looked at again. Kept over rounds: until then it takes no other's place. */
  refused?: Map<string, number>;
  /** Those of which a checkpoint was not signed, and when each is tried again, alike. */
  unsigned?: Map<string, number>;
  /** Of earlier rounds. */
  memory?: TileMemory;
  frontiers?: FrontierMemory;
}

/**
 * Signs a checkpoint for each log that has grown and that no other relay seals at this moment. One that is not signed keeps no other waiting. @returns how many were signed,
 * whether there may be more at once, and the tenants whose logs were rewritten, as far as they are known. @throws where none is signed that should be.
 */
export async function sealLogs(deps: SealingDeps): Promise<{ sealed: number; more: boolean; rewritten: string[] }> {
  const { pool, refused = new Map<string, number>(), unsigned = new Map<string, number>() } = deps;
  for (const resting of [refused, unsigned]) for (const [tenant, again] of resting) if (again <= Date.now()) resting.delete(tenant);
  let sealed = 0;
  const failures: unknown[] = [];
  const { logs, release } = await claimLogsToSeal(pool, { passed: [...refused.keys(), ...unsigned.keys()], limit: mostLogs });
  try {
    await severalAtOnce([...batchesOf(logs)], batchesAtOnce, async (batch) => {
      const stored = await sealBatch(batch, { ...deps, refused, unsigned, failures });
      sealed += stored;
    });
  } finally {
    await release();
  }
  if (failures.length > 0 && sealed === 0) throw failures[0];
  return { sealed, more: logs.length === mostLogs && sealed > 0, rewritten: [...refused.keys()] };
}

/** Tells of the newest checkpoints of busy logs, of which not each is told. */
export async function tellDueCheckpoints(pool: pg.Pool): Promise<void> {
  for (let told = 0; told < mostLogs && (await tellDueCheckpoint(pool)); told++);
}

/** The name of a tenant's log: what its checkpoints begin with. */
function nameOfLog(signer: Pick<NoteSigner, 'name'>, tenant: string): string {
  return `${signer.name}/${tenant}`;
}

/** Up to which entry a log is sealed now; no less than it was, also where it was cut off. */
function sizeOf({ head, sealed }: LogToSeal): number {
  return Math.max(sealed, Math.min(head, sealed + mostEntries));
}

function* batchesOf(logs: readonly LogToSeal[]): Generator<LogToSeal[]> {
  let batch: LogToSeal[] = [];
  let entries = 0;
  for (const log of logs) {
    const more = sizeOf(log) - log.sealed;
    if (batch.length === mostTogether || (batch.length > 0 && entries + more > mostEntries)) {
      yield batch;
      batch = [];
      entries = 0;
    }
    batch.push(log);
    entries += more;
  }
  if (batch.length > 0) yield batch;
}

type Resting = Record<'refused' | 'unsigned', Map<string, number>> & { failures: unknown[] };

/** @returns how many checkpoints were stored. */
async function sealBatch(
  logs: readonly LogToSeal[],
  { pool, signers, logger, memory, frontiers, refused, unsigned, failures }: SealingDeps & Resting,
): Promise<number> {
  const taken = logs.map((log) => ({ log, frontier: frontierOf(log, frontiers) }));
  const ahead = await readLeavesAhead(
    pool,
    taken.map(({ log, frontier }) => stretchOf(log, frontier)),
  );
  const signed: SealedLog[] = [];
  await severalAtOnce(taken, signedAtOnce, async ({ log, frontier }) => {
    if (failures.length >= mostUnsigned) return;
    try {
      signed.push(await signLog(pool, log, failing(signers), { memory, frontiers, frontier, ahead: ahead.get(log.tenant) }));
    } catch (error) {
      if (error instanceof NotSigned) {
        failures.push(error.cause);
        unsigned.set(log.tenant, Date.now() + unsignedAgainMs);
        logger.error({ err: error.cause, tenant: log.tenant, sealed: log.sealed }, 'a log is not sealed: its checkpoint was not signed');
        return;
      }
      if (!(error instanceof LogRewritten || error instanceof EntriesMissing)) throw error;
      refused.set(log.tenant, Date.now() + rewrittenAgainMs);
      logger.error({ tenant: log.tenant, signed: log.sealed }, 'a log was rewritten; it is sealed no further');
    }
  });
  return storeAll(pool, signed);
}

/** What they fail with is told from what the database does. */
function failing(signers: Signers): Signers {
  const [first, ...others] = signers.map((one) => ({
    ...one,
    sign: (text: string) =>
      one.sign(text).catch((cause: unknown) => {
        throw new NotSigned('the checkpoint was not signed', { cause });
      }),
  }));
  return [first as NoteSigner, ...others];
}

/** What is remembered of a log, as far as it is what was signed and no tile becomes full. */
function frontierOf(log: LogToSeal, frontiers: FrontierMemory | undefined): Frontier | undefined {
  if (log.root === null || log.head < log.sealed || endOfTile(log) <= sizeOf(log)) return undefined;
  const known = frontiers?.at(log.tenant, log.sealed);
  return known !== undefined && frontierRoot(known).equals(log.root) ? known : undefined;
}

/** The size at which the tile of the next entry is full. */
function endOfTile({ sealed }: LogToSeal): number {
  return sealed - (sealed % tileWidth) + tileWidth;
}

/** Which leaves are read: the new ones, or where nothing is remembered those from where the last tile begins that is not full, from which the tree is hashed anew. */
function stretchOf(log: LogToSeal, frontier: Frontier | undefined): { tenant: string; from: number; to: number; atMost: number } {
  const { tenant, sealed } = log;
  const to = sizeOf(log);
  const atMost = Math.min(to + mostMeanwhile, frontier === undefined ? sealed + mostEntries : endOfTile(log) - 1);
  return { tenant, from: frontier === undefined ? sealed - (sealed % tileWidth) : sealed, to, atMost: Math.max(to, atMost) };
}

/** Together; where one of them is refused each by itself, so that it keeps no other from being stored. */
async function storeAll(pool: pg.Pool, checkpoints: readonly SealedLog[]): Promise<number> {
  try {
    return await storeCheckpoints(pool, checkpoints);
  } catch (error) {
    if (checkpoints.length < 2) throw error;
  }
  const each = await Promise.allSettled(checkpoints.map((one) => storeCheckpoints(pool, [one])));
  const failed = each.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return each.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), 0);
}

interface KnownOfLog {
  memory?: TileMemory | undefined;
  frontiers?: FrontierMemory | undefined;
  /** Of what is signed. */
  frontier?: Frontier | undefined;
  ahead?: LeavesAhead | undefined;
}

async function signLog(pool: pg.Pool, log: LogToSeal, signers: Signers, known: KnownOfLog): Promise<SealedLog> {
  const { tenant, head, sealed, root: signed } = log;
  const { memory, frontiers, frontier, ahead } = known;
  if (head < sealed) throw new LogRewritten(); // It was cut off.
  if (frontier !== undefined && ahead !== undefined) {
    const grown = extended(frontier, ahead.leaves);
    frontiers?.goOn(tenant, grown);
    return signedLog(log, signers, { size: grown.size, root: frontierRoot(grown), tiles: [] });
  }
  const size = ahead === undefined ? sizeOf(log) : ahead.from + ahead.leaves.length;
  const tree = tilesOfLog(pool, tenant, memory?.of(tenant, sealed), ahead);
  const root = await rootOf(tree, size); // First, since of the entries that it reads the other needs a part.
  // Of entries in full tiles the tiles remember; whether these are still what they were, whoever verifies an export finds out.
  if (signed !== null && !(await rootOf(tree, sealed)).equals(signed)) {
    frontiers?.forget(tenant);
    // What was signed may be newer than what is remembered.
    if (memory?.forget(tenant)) return signLog(pool, log, signers, { frontiers });
    throw new LogRewritten();
  }
  frontiers?.keep(tenant, { size, hashes: await rangeHashes(tree, size) });
  return signedLog(log, signers, { size, root, tiles: await newTiles(tree, sealed, size) });
}

async function signedLog({ tenant }: LogToSeal, signers: Signers, made: Pick<SealedLog, 'size' | 'root' | 'tiles'>): Promise<SealedLog> {
  const note = await signNote(checkpointText(nameOfLog(signers[0], tenant), made.size, made.root), signers);
  return { tenant, note, ...made };
}

/** Tiles that became full between two sizes. */
async function newTiles(tree: StoredTiles, from: number, to: number): Promise<Tile[]> {
  const tiles: Tile[] = [];
  for (let level = 0, span = tileWidth; Math.floor(to / span) > 0; level++, span *= tileWidth) {
    for (let tile = Math.floor(from / span); tile < Math.floor(to / span); tile++)
      tiles.push({ level, tile, hashes: Buffer.concat(await tree.hashes(level, tile, tileWidth)) });
  }
  return tiles;
}
