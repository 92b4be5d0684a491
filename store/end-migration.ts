import type { Caller } from '../ontology/authority.ts';
import { mayBecome } from '../ontology/lifecycle.ts';
import type { Fault } from '../ontology/plan.ts';
import { announceChange } from './announce-change.ts';
import { announceDefinitions } from './announce-definitions.ts';
import { lockDefinitionsAlone } from './definitions-lock.ts';
import { refusalToAdminister } from './may-administer.ts';
import { type MigrationRow, type MigrationState, type MigrationView, readMigration, viewMigration } from './migrations.ts';
import { leaveNudge } from './nudges.ts';
import { lockProposal } from './proposal-row.ts';
import { currentActionVersions } from './redefined-actions.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';
import { transition } from './transition.ts';

export interface MigrationEnd {
  outcome: Exclude<MigrationState, 'running'>;
  by?: string;
  reason?: string;
  faults?: readonly Fault[];
}

type Ended = { version: number | null };

/** Puts the document in force that is to be then, and says so. The caller holds the definitions alone. False when the migration has ended already. */
export async function endMigration(tx: Tx, migration: MigrationRow, { outcome, by, reason, faults }: MigrationEnd): Promise<boolean> {
  const [row] = await (outcome === 'cancelled'
    ? tx.rows<Ended>('SELECT exequatur.cancel_migration($1::uuid, $2, $3)::int AS version', [migration.id, by ?? null, reason ?? null])
    : tx.rows<Ended>('SELECT exequatur.end_migration($1::uuid, $2, NULL, $3, $4::jsonb)::int AS version', [
        migration.id,
        outcome,
        reason ?? null,
        faults === undefined ? null : JSON.stringify(faults),
      ]));
  const version = row?.version ?? null;
  if (version === null) return false;
  const [kept] = await tx.rows<{ digest: string }>('SELECT o.digest FROM exequatur.ontology_version o WHERE o.version = $1::int', [
    version,
  ]);
  const actor = by ?? migration.startedBy;
  announceDefinitions(tx, { version, digest: kept?.digest ?? '', actionTypes: await currentActionVersions(tx) }, actor);
  const ended = { migrationId: migration.id, outcome, version, digest: migration.digest };
  announceChange(tx, { type: 'ontology.migration_ended', subject: 'ontology', facts: ended, personal: { actor, reason } });
  return true;
}

export interface Cancellation {
  migrationId: string;
  reason: string;
  by: Caller;
}

/**
 * Takes the former document back in force. What batches have rewritten stays as it is: each is an execution that can be reverted. The batch that waits is withdrawn; one
 * that is being executed holds its row, so it is done by then.
 */
export async function cancelMigration(
  tx: Tx,
  wish: Cancellation,
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<MigrationView | Refusal> {
  const outcome = await cancel(tx, wish, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function cancel(
  tx: Tx,
  { migrationId, reason, by }: Cancellation,
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<MigrationView | Refusal> {
  const actor = await resolveActor(tx, by);
  const refusal = await refusalToAdminister(tx, deps, { action: 'ontology:put', actor }, 'ontology');
  if (refusal !== null) return refusal;
  const before = await viewMigration(tx, migrationId);
  if (before === null) return refuse('not_found');
  const waiting = before.proposalId === null ? null : await lockProposal(tx, before.proposalId);
  await tx.rows(`SELECT 1 FROM ${lockDefinitionsAlone}`);
  const migration = await readMigration(tx, migrationId);
  if (migration === null || !(await endMigration(tx, migration, { outcome: 'cancelled', by: actor.id, reason })))
    return refuse('migration_ended');
  if (waiting !== null && mayBecome(waiting.status, 'withdrawn')) {
    transition(tx, waiting, { to: 'withdrawn', actor: actor.id, reason });
    leaveNudge(tx, waiting.id);
  }
  return (await viewMigration(tx, migrationId)) ?? refuse('not_found');
}
