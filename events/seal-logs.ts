import type pg from 'pg';
import { rootOf, type StoredTiles, tileWidth } from '../audit/merkle.ts';
import { checkpointText, type NoteSigner, type Signers, signNote } from '../audit/signed-note.ts';
import type { TileMemory } from '../audit/tile-memory.ts';
import {
  EntriesMissing,
  type LogToSeal,
  logsToSeal,
  storeCheckpoint,
  type Tile,
  tellDueCheckpoint,
  tilesOfLog,
} from '../store/log-work.ts';
import type { Logger } from '../telemetry/logger.ts';
import { severalAtOnce } from './several-at-once.ts';

/** Of one round; those that have waited longest come first, so none waits for ever. */
export const mostLogs = 200;
const rewrittenAgainMs = 60_000; // Nothing mends it by itself; it is told again each minute until somebody has looked.
const atOnce = 4; // While one waits for its commit, or for a signing command, others go on; more than the database has cores for gains nothing.

/** The log of a tenant says otherwise than what was signed of it: it is sealed no further until somebody has looked. */
class LogRewritten extends Error {}

interface SealingDeps {
  pool: pg.Pool;
  signers: Signers;
  logger: Logger;
  /** Tenants whose logs were rewritten, and when each is looked at again. Kept over rounds: until then it takes no other's place. */
  refused?: Map<string, number>;
  /** Of earlier rounds. */
  memory?: TileMemory;
}

/** Signs a checkpoint for each log that has grown. @returns how many were signed, whether there may be more at once, and the tenants whose logs were rewritten, as far as they are known. */
export async function sealLogs({
  pool,
  signers,
  logger,
  memory,
  refused = new Map(),
}: SealingDeps): Promise<{ sealed: number; more: boolean; rewritten: string[] }> {
  for (const [tenant, again] of refused) if (again <= Date.now()) refused.delete(tenant);
  let sealed = 0;
  const logs = await logsToSeal(pool, { passed: [...refused.keys()], limit: mostLogs });
  await severalAtOnce(logs, atOnce, async (log) => {
    try {
      if (await sealLog(pool, log, signers, memory)) sealed++;
    } catch (error) {
      if (!(error instanceof LogRewritten || error instanceof EntriesMissing)) throw error;
      refused.set(log.tenant, Date.now() + rewrittenAgainMs);
      logger.error({ tenant: log.tenant, signed: log.sealed }, 'a log was rewritten; it is sealed no further');
    }
  });
  // Of a full round some may have been sealed by another relay meanwhile.
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

const mostEntries = 65_536; // Of one checkpoint: hashes are held in memory until it is signed. The database takes no more either.

async function sealLog(pool: pg.Pool, log: LogToSeal, signers: Signers, memory?: TileMemory): Promise<boolean> {
  const { tenant, head, sealed, root: signed } = log;
  const size = Math.min(head, sealed + mostEntries);
  const tree = tilesOfLog(pool, tenant, memory?.of(tenant, sealed));
  const root = await rootOf(tree, size); // First, since of the entries that it reads the other needs a part.
  // Of entries in full tiles the tiles remember; whether these are still what they were, whoever verifies an export finds out.
  if (signed !== null && !(await rootOf(tree, sealed)).equals(signed)) {
    if (memory?.forget(tenant)) return sealLog(pool, log, signers); // What was signed may be newer than what is remembered.
    throw new LogRewritten();
  }
  const note = await signNote(checkpointText(nameOfLog(signers[0], tenant), size, root), signers);
  return storeCheckpoint(pool, { tenant, size, root, note, tiles: await newTiles(tree, sealed, size) });
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
