import type pg from 'pg';
import type { MigrationRule } from '../ontology/draft-migrations.ts';
import { isFinal } from '../ontology/lifecycle.ts';
import type { Fault } from '../ontology/plan.ts';
import { lockDefinitionsAlone } from './definitions-lock.ts';
import { endMigration, type MigrationEnd } from './end-migration.ts';
import { lookAtData, readDataMarks } from './look-at-data.ts';
import { type Batch, type LastBatch, type Place, proposeBatch, readLastBatch } from './migration-batches.ts';
import { type MigrationWork, readMigrationWork, retypedBy } from './migration-work.ts';
import { type MigrationState, readMigration } from './migrations.ts';
import { nextOffenders, offendersAmong } from './next-offenders.ts';
import { shownObjects } from './offenders.ts';
import { findOrphanedPolicies } from './orphaned-policies.ts';
import { policyVersionInForce } from './policy-sets.ts';
import { type Tx, withTenant } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

export type MigrationStep =
  /** This batch's proposal is not at its end yet. */
  ({ kind: 'batch' } & Batch) | { kind: 'ended'; state: MigrationState };

type Searched =
  | MigrationStep
  | { kind: 'failing'; verdict: Verdict }
  | { kind: 'searched'; work: MigrationWork; pass: number; batchesOfPass: number };

interface Verdict {
  reason: string;
  faults?: Fault[];
}

type Deps = Pick<StoreDeps, 'ontologies' | 'policies'>;

const mostPasses = 10; // Objects that others go on writing in the old form would else keep it going for ever.
const mostInvalid = 3; // One batch after another that cannot be simulated is no matter of an object that was deleted meanwhile.

/**
 * The migration's next step: the batch that is at work, another one proposed, or its end. Where no object is left for the rules, it looks at all data while nothing is
 * executed, and puts the document in force if all of it fits; else goes through the objects once more. A repeat, or two at once, do no harm.
 */
export async function advanceMigration(pool: pg.Pool, tenant: string, migrationId: string, deps: Deps): Promise<MigrationStep> {
  for (let from: Place | null = null; ; ) {
    const searched: Searched = await withTenant(pool, tenant, (tx) => search(tx, migrationId, from, deps));
    if (searched.kind === 'batch' || searched.kind === 'ended') return searched;
    if (searched.kind === 'failing') {
      const { verdict } = searched;
      return withTenant(pool, tenant, (tx) => end(tx, migrationId, { outcome: 'failed', ...verdict }));
    }
    const ended = await withTenant(pool, tenant, (tx) => tryToEnd(tx, migrationId, searched, deps));
    if (ended !== null) return ended;
    from = { rule: 0, pass: searched.pass + 1, after: null };
  }
}

/** Holds nothing while it looks: the database refuses a batch where the migration has ended meanwhile, and nobody who stops something waits for a search. */
async function search(tx: Tx, id: string, from: Place | null, deps: Deps): Promise<Searched> {
  const migration = await readMigration(tx, id);
  if (migration === null) throw new Error('there is no such migration');
  if (migration.state !== 'running') return { kind: 'ended', state: migration.state };
  const last = await readLastBatch(tx, id);
  if (last !== null && !isFinal(last.status)) return batchStep(last);
  const work = await readMigrationWork(tx, migration, deps);
  const verdict = last === null ? null : await judge(tx, work, last);
  if (verdict !== null) return { kind: 'failing', verdict };
  const start = from ?? last?.resume ?? { rule: 0, pass: 1, after: null };
  for (let place = start; place.rule < work.rules.length; place = { ...place, rule: place.rule + 1, after: null }) {
    const rule = work.rules[place.rule] as MigrationRule;
    const found = await nextOffenders(tx, rule, retypedBy(work, rule), place.after);
    if (found.ids.length === 0) continue;
    const proposed = await proposeBatch(tx, work, { number: (last?.number ?? 0) + 1, place, found });
    return proposed === null ? afterAnother(tx, id) : batchStep(proposed);
  }
  return { kind: 'searched', work, pass: start.pass, batchesOfPass: last?.pass === start.pass ? last.batchesOfPass : 0 };
}

/** Null when the migration goes on. */
async function judge(tx: Tx, work: MigrationWork, last: LastBatch): Promise<Verdict | null> {
  if (last.status === 'invalid' && last.invalidInARow < mostInvalid) return null;
  if (last.status !== 'executed') return { reason: `batch ${last.number}, proposal ${last.proposalId}, ended as ${last.status}` };
  const rule = work.rules[last.rule] as MigrationRule;
  const left = await offendersAmong(tx, last.objects, retypedBy(work, rule));
  if (left.length === 0 || left.length < last.objects.length) return null;
  const objects = left.slice(0, shownObjects).map((id) => ({ type: rule.objectType, id }));
  const pointer = `/migrations/${last.rule}`;
  const fault = { code: 'ontology_breaks_data', pointer, message: 'what the rule writes does not fit', objects, count: left.length };
  return { reason: `batch ${last.number} left its objects as unfit as they were`, faults: [fault] };
}

/** Null when data still does not fit and another pass may help. */
async function tryToEnd(
  tx: Tx,
  id: string,
  { work, pass, batchesOfPass }: Searched & { kind: 'searched' },
  deps: Deps,
): Promise<MigrationStep | null> {
  const look = () => lookAtData(tx, work.working, work.next, work.changes);
  const compare = () => findOrphanedPolicies(tx, work.next, deps);
  // Looked at before the definitions are held alone, and again only if something was executed meanwhile.
  const ahead = await look();
  const comparedAhead = await compare();
  await tx.rows(`SELECT 1 FROM ${lockDefinitionsAlone}`);
  const policies = (await policyVersionInForce(tx)) === comparedAhead.version ? comparedAhead : await compare();
  if (policies.faults.length > 0)
    return end(tx, id, { outcome: 'failed', reason: 'the policies in force do not fit the document', faults: policies.faults });
  const { faults } = (await readDataMarks(tx, work.changes)) === ahead.marks ? ahead : await look();
  if (faults.length === 0) return end(tx, id, { outcome: 'done' });
  if (batchesOfPass > 0 && pass < mostPasses) return null;
  return end(tx, id, { outcome: 'failed', reason: 'the rules leave objects that do not fit', faults });
}

/** Unless somebody else has ended it. */
async function end(tx: Tx, id: string, how: MigrationEnd): Promise<MigrationStep> {
  await tx.rows(`SELECT 1 FROM ${lockDefinitionsAlone}`);
  const migration = await readMigration(tx, id);
  if (migration === null) throw new Error('there is no such migration');
  return { kind: 'ended', state: (await endMigration(tx, migration, how)) ? how.outcome : migration.state };
}

/** Somebody else proposed the batch, or ended the migration, while this one looked. */
async function afterAnother(tx: Tx, id: string): Promise<MigrationStep> {
  const migration = await readMigration(tx, id);
  const last = await readLastBatch(tx, id);
  if (migration?.state === 'running' && last !== null) return batchStep(last);
  return { kind: 'ended', state: migration?.state ?? 'cancelled' };
}

function batchStep({ number, proposalId, actionType }: Batch): MigrationStep {
  return { kind: 'batch', number, proposalId, actionType };
}
