import type pg from 'pg';
import { Counter, Gauge, type Registry } from 'prom-client';
import { FrontierMemory } from '../audit/frontier-memory.ts';
import { readWitnessKey } from '../audit/note-keys.ts';
import type { Signers } from '../audit/signed-note.ts';
import { TileMemory } from '../audit/tile-memory.ts';
import type { RelaySettings } from '../config.ts';
import { thinCheckpoints } from '../store/cosignatures.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { KnownWitness } from './ask-witness.ts';
import { readSigners } from './checkpoint-signers.ts';
import type { Round } from './poll.ts';
import { sealLogs, tellDueCheckpoints } from './seal-logs.ts';
import { mendCosignatures, submitCheckpoints } from './submit-checkpoints.ts';

interface SealingDeps {
  settings: RelaySettings;
  pool: pg.Pool;
  registry: Registry;
  logger: Logger;
}

const sealEveryMs = 500; // An entry is under a checkpoint within a second.
const submitEveryMs = 500; // And cosigned within another.
const tellEveryMs = 1_000; // Of a busy log a checkpoint is told in ten seconds.
const mendEveryMs = 60_000; // As often as a fork is told of again: somebody with the relay's login is at work.
const thinEveryMs = 600_000;
const mostThinned = 5_000; // Of one transaction.

/** What the relay does for the audit logs. Each witness has a round of its own: one that is slow or away holds up neither sealing nor the others. */
export function sealingRounds(deps: SealingDeps): Round[] {
  const { settings, logger } = deps;
  const signers = readSigners(settings);
  const witnesses = settings.EXEQUATUR_WITNESSES.map(({ url, key }) => ({ url, key: readWitnessKey(key) }));
  if (signers === undefined) {
    logger.warn('no key for checkpoints: audit logs are not sealed');
    return [];
  }
  const memory = new TileMemory();
  return [sealing(deps, signers, memory), telling(deps), thinning(deps), ...submitting(deps, witnesses, memory)];
}

function sealing({ pool, registry, logger }: SealingDeps, signers: Signers, memory: TileMemory): Round {
  const checkpoints = new Counter({
    name: 'exequatur_audit_checkpoints_total',
    help: 'Checkpoints signed over tenants\u2019 audit logs.',
    registers: [registry],
  });
  const rewrittenLogs = new Gauge({
    name: 'exequatur_audit_logs_rewritten',
    help: 'Logs that no longer say what was signed of them, as of when each was last looked at; they are sealed no further.',
    registers: [registry],
  });
  const refused = new Map<string, number>();
  const unsigned = new Map<string, number>();
  const frontiers = new FrontierMemory();
  const work = async () => {
    const { sealed, more, rewritten } = await sealLogs({ pool, signers, logger, refused, unsigned, memory, frontiers });
    checkpoints.inc(sealed);
    rewrittenLogs.set(rewritten.length);
    return more;
  };
  return { name: 'seal', everyMs: sealEveryMs, isSteady: true, work };
}

function telling({ pool }: SealingDeps): Round {
  const work = async () => {
    await tellDueCheckpoints(pool);
    return false;
  };
  return { name: 'tell', everyMs: tellEveryMs, work };
}

function thinning({ pool }: SealingDeps): Round {
  let since: Date | null = null; // At first of all times: what another relay, or none, has left.
  const dayAndMoreMs = 26 * 3_600_000;
  const work = async () => {
    const begun = Date.now();
    const more = (await thinCheckpoints(pool, since, mostThinned)) === mostThinned;
    if (!more) since = new Date(begun - dayAndMoreMs);
    return more;
  };
  return { name: 'thin', everyMs: thinEveryMs, work };
}

function submitting({ pool, registry, logger }: SealingDeps, witnesses: readonly KnownWitness[], memory: TileMemory): Round[] {
  if (witnesses.length === 0) return [];
  const cosignatures = new Counter({
    name: 'exequatur_audit_cosignatures_total',
    help: 'Checkpoints that a witness cosigned.',
    labelNames: ['witness'],
    registers: [registry],
  });
  const forked = new Gauge({
    name: 'exequatur_audit_logs_forked',
    help: 'Logs of which a witness has cosigned something else than the database holds.',
    labelNames: ['witness'],
    registers: [registry],
  });
  return witnesses.flatMap((witness) => {
    const label = { witness: witness.key.name };
    const forks = new Map<string, number>();
    const declined = new Map<string, number>();
    forked.set(label, 0);
    const work = async () => {
      try {
        const { cosigned, more } = await submitCheckpoints({ pool, witness, logger, forks, declined, memory });
        cosignatures.inc(label, cosigned);
        return more;
      } finally {
        forked.set(label, forks.size);
      }
    };
    const held = new Map<string, number>();
    const mend = async () => {
      cosignatures.inc(label, await mendCosignatures({ pool, witness, logger, forks, declined }, held));
      return false;
    };
    return [
      { name: `witness ${witness.key.name}`, everyMs: submitEveryMs, isSteady: true, work },
      { name: `cosignatures of ${witness.key.name}`, everyMs: mendEveryMs, work: mend },
    ];
  });
}
