import type pg from 'pg';
import { withCosignatures } from '../audit/cosignature.ts';
import { consistencyProof } from '../audit/merkle.ts';
import type { TileMemory } from '../audit/tile-memory.ts';
import {
  type CheckpointToCosign,
  claimCheckpointsToCosign,
  type FiledCosignatures,
  filedCosignatures,
  lastCheckpoint,
  storeCosignature,
} from '../store/cosignatures.ts';
import { EntriesMissing, tilesOfLog } from '../store/log-work.ts';
import type { Logger } from '../telemetry/logger.ts';
import { askWitness, type KnownWitness } from './ask-witness.ts';
import { severalAtOnce } from './several-at-once.ts';

export interface SubmitDeps {
  pool: pg.Pool;
  witness: KnownWitness;
  logger: Logger;
  /** Tenants whose log this witness takes for another than it has cosigned, and when it is asked again. Kept over rounds. */
  forks: Map<string, number>;
  /** Those of which it does not take the newest checkpoint as it is, and when it is asked again. */
  declined: Map<string, number>;
  /** Of earlier rounds. */
  memory?: TileMemory;
}

/** Of one round. */
export const mostLogs = 200;
const atOnce = 8; // A witness flushes to its disk before it answers; meanwhile others of its logs go on.
const forkAgainMs = 60_000; // Nothing mends a fork by itself; it is told again each minute until somebody has looked.

/**
 * Has the newest checkpoint of each log cosigned that this witness has not, and that no other relay submits to it at this moment. Sealing never waits for it, and what it missed while it was away it needs not to be told:
 * the newest checkpoint covers everything. @returns how many were cosigned, and whether there may be more at once. @throws {WitnessAway} when the witness cannot be asked.
 */
export async function submitCheckpoints(deps: SubmitDeps): Promise<{ cosigned: number; more: boolean }> {
  const { pool, witness, forks } = deps;
  const passed = [...forks, ...deps.declined].filter(([, again]) => again > Date.now()).map(([tenant]) => tenant);
  const { logs, renew, release } = await claimCheckpointsToCosign(pool, { witness: nameOfWitness(witness), passed, limit: mostLogs });
  let cosigned = 0;
  try {
    await severalAtOnce(logs, atOnce, async (log) => {
      if (await submit(deps, log)) cosigned++;
      await renew();
    });
  } finally {
    await release();
  }
  return { cosigned, more: logs.length === mostLogs && cosigned > 0 };
}

const pageOfLogs = 500;

/**
 * Has the newest checkpoints cosigned under which something is filed that is no cosignature of this witness: the relay's login files it, and whoever has that could otherwise
 * keep the true one from being asked for. `held` are sizes that were looked at before, by tenant, kept over rounds. @returns how many were cosigned. @throws {WitnessAway}
 */
export async function mendCosignatures(deps: SubmitDeps, held: Map<string, number>): Promise<number> {
  const { pool, witness, logger } = deps;
  let mended = 0;
  for (let after: string | null = null; ; ) {
    const page: FiledCosignatures[] = await filedCosignatures(pool, { witness: nameOfWitness(witness), after, limit: pageOfLogs });
    for (const { tenant, size, note, lines } of page.filter((log) => held.get(log.tenant) !== log.size)) {
      if (withCosignatures(note, lines, [witness.key]).by === 0) {
        logger.error({ tenant, size, witness: witness.key.name }, 'what is filed as a cosignature is none: the witness is asked again');
        if (!(await submit(deps, { tenant, size, note, cosigned: 0 }))) continue;
        mended++;
      }
      held.set(tenant, size);
    }
    if (page.length < pageOfLogs) return mended;
    after = page.at(-1)?.tenant ?? null;
  }
}

/** As cosignatures are filed: a witness's next key is another witness. */
function nameOfWitness({ key }: KnownWitness): string {
  return `${key.name}+${key.id}`;
}

const mostTries = 3; // It may have cosigned for another relay between our asking and our asking again.

async function submit(deps: SubmitDeps, log: CheckpointToCosign): Promise<boolean> {
  const { pool, witness, logger } = deps;
  let old = log.cosigned;
  let { memory } = deps;
  for (let tries = 0; tries < mostTries; tries++) {
    const proof = await proofFrom(pool, log, old, memory);
    const answer = proof === null ? 'refused' : await askWitness(witness, old, proof, log.note);
    if (answer === 'refused') {
      if (!memory?.forget(log.tenant)) return fork(deps, log, old);
      memory = undefined; // The proof may have been made from what the log was before.
      continue;
    }
    if ('declined' in answer) return declined(deps, log, answer.declined);
    if ('cosigned' in answer) {
      const filed = await storeCosignature(pool, { ...log, witness: nameOfWitness(witness), line: answer.cosigned, at: answer.at });
      deps.forks.delete(log.tenant);
      if (!filed) return withoutRoom(deps, log);
      deps.declined.delete(log.tenant);
      return true;
    }
    if (answer.knows === old) return fork(deps, log, old); // Of this size it has cosigned another root.
    if (answer.knows > log.size) {
      // A checkpoint is stored before anybody is told of it: what the witness knows and the database does not has been lost there.
      if ((await lastCheckpoint(pool, log.tenant)) < answer.knows) return fork(deps, log, answer.knows);
      return false; // Another relay was faster.
    }
    if (answer.knows < log.cosigned)
      logger.warn({ ...log, note: undefined, knows: answer.knows }, 'a witness has forgotten what it had cosigned');
    old = answer.knows;
  }
  return false;
}

/** Null where the log lacks entries that it needs. */
async function proofFrom(pool: pg.Pool, { tenant, size }: CheckpointToCosign, old: number, memory?: TileMemory): Promise<Buffer[] | null> {
  try {
    return await consistencyProof(tilesOfLog(pool, tenant, memory?.of(tenant, size)), old, size);
  } catch (error) {
    if (error instanceof EntriesMissing) return null;
    throw error;
  }
}

function declined({ witness, logger, declined: logs }: SubmitDeps, { tenant, size }: CheckpointToCosign, status: number): false {
  logs.set(tenant, Date.now() + forkAgainMs);
  logger.warn({ tenant, size, status, witness: witness.key.name }, 'a witness does not take this log; others go on');
  return false;
}

/** Somebody files what is no cosignature until there is no room for a true one: in a minute there is. */
function withoutRoom({ witness, logger, declined: logs }: SubmitDeps, { tenant, size }: CheckpointToCosign): false {
  logs.set(tenant, Date.now() + forkAgainMs);
  logger.error({ tenant, size, witness: witness.key.name }, 'a checkpoint has no room for a cosignature');
  return false;
}

function fork({ witness, logger, forks }: SubmitDeps, { tenant, size }: CheckpointToCosign, witnessed: number): false {
  forks.set(tenant, Date.now() + forkAgainMs);
  logger.error(
    { tenant, size, witnessed, witness: witness.key.name },
    'a witness has cosigned another log than this one: it was rewritten, or rolled back',
  );
  return false;
}
