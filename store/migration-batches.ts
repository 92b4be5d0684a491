import { randomUUID } from 'node:crypto';
import { canonicalText } from '../ontology/canonical-json.ts';
import type { JsonObject } from '../ontology/json.ts';
import type { ProposalStatus } from '../ontology/lifecycle.ts';
import type { MigrationWork } from './migration-work.ts';
import type { OffendersPage } from './next-offenders.ts';
import { announceAndNudge } from './nudges.ts';
import type { Sql, Tx } from './sql.ts';

/** Where a search for objects begins: `after` this id, null from the first. */
export interface Place {
  rule: number;
  /** Which time through all objects, from 1. */
  pass: number;
  after: string | null;
}

export interface Batch {
  number: number;
  proposalId: string;
  actionType: string;
}

export interface LastBatch extends Batch, Pick<Place, 'rule' | 'pass'> {
  status: ProposalStatus;
  objects: string[];
  /** Where the newest executed batch ended. */
  resume: Place;
  /** Of the same pass. */
  batchesOfPass: number;
  /** Since the newest that was executed. */
  invalidInARow: number;
}

interface BatchRow extends Batch, Place {
  status: ProposalStatus;
  objects: string[];
  batches_of_pass: number;
}

const recent = 10; // More than a migration survives without one that is executed.

/** Null when none was proposed yet. */
export async function readLastBatch(tx: Sql, migrationId: string): Promise<LastBatch | null> {
  const rows = await tx.rows<BatchRow>(
    `SELECT b.number::int AS number, b.proposal_id AS "proposalId", p.action_type AS "actionType", b.rule::int AS rule, b.pass::int AS pass, b.after_id AS after, p.status,
            CASE WHEN b.number = max(b.number) OVER () THEN ARRAY(SELECT jsonb_array_elements_text(p.parameters::jsonb -> 'objects')) ELSE '{}' END AS objects,
            (SELECT count(*) FROM exequatur.migration_batch o WHERE o.migration_id = b.migration_id AND o.pass = b.pass)::int AS batches_of_pass
       FROM (SELECT * FROM exequatur.migration_batch WHERE migration_id = $1::uuid ORDER BY number DESC LIMIT ${recent}) b
       JOIN exequatur.proposal p ON p.tenant_id = b.tenant_id AND p.id = b.proposal_id
      ORDER BY b.number DESC`,
    [migrationId],
  );
  const [last] = rows;
  if (last === undefined) return null;
  const executed = rows.findIndex(({ status }) => status === 'executed');
  return {
    ...last,
    resume: placeBehind(rows[executed]),
    batchesOfPass: last.batches_of_pass,
    invalidInARow: executed === -1 ? rows.length : executed,
  };
}

/** A rule's last batch of a pass is followed by the next rule. */
function placeBehind(batch: Place | undefined): Place {
  if (batch === undefined) return { rule: 0, pass: 1, after: null };
  const { rule, pass, after } = batch;
  return { rule: after === null ? rule + 1 : rule, pass, after };
}

/** Null when somebody else was faster, or the migration has ended: nothing was written then. */
export async function proposeBatch(
  tx: Tx,
  { migration, working, rules }: MigrationWork,
  { number, place, found }: { number: number; place: Place; found: OffendersPage },
): Promise<Batch | null> {
  const proposalId = randomUUID();
  const actionType = rules[place.rule]?.actionType ?? '';
  const expiresAfter = working.actionTypes.get(actionType)?.policy.expiresAfter;
  const [row] = await tx.rows<{ proposed: boolean }>(
    'SELECT exequatur.propose_batch($1::uuid, $2::int, $3::int, $4::int, $5, $6::int, $7::uuid, $8, $9::text::interval) AS proposed',
    [
      migration.id,
      number,
      place.rule,
      place.pass,
      found.after,
      found.ids.length,
      proposalId,
      canonicalText({ objects: found.ids }),
      expiresAfter,
    ],
  );
  if (row?.proposed !== true) return null;
  const facts: JsonObject = { actionType, migrationId: migration.id, batch: number, objects: found.ids.length, revision: 1 };
  const auditEntryId = tx.audit({
    type: 'proposal.created',
    proposalId,
    facts,
    personal: { proposer: migration.startedBy, actsFor: migration.actsFor ?? undefined },
  });
  const data = { proposalId, actionType, status: 'simulating', revision: 1 };
  announceAndNudge(tx, { type: 'proposal.created', proposalId, data, auditEntryId });
  return { number, proposalId, actionType };
}
