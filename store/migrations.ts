import type { PrincipalKind } from '../ontology/authority.ts';
import type { Fault } from '../ontology/plan.ts';
import { isoTime } from './proposal-row.ts';
import type { Sql } from './sql.ts';

export type MigrationState = 'running' | 'done' | 'failed' | 'cancelled';

export interface MigrationRow {
  id: string;
  state: MigrationState;
  /** The uploaded text, with its migrations. */
  document: string;
  digest: string;
  baseVersion: number;
  startedBy: string;
  proposerKind: PrincipalKind;
  /** For whom they act. */
  actsFor: string | null;
}

/** Null when there is none. */
export async function readMigration(tx: Sql, id: string): Promise<MigrationRow | null> {
  const [row] = await tx.rows<MigrationRow>(
    `SELECT m.id, m.state, m.document, m.digest, m.base_version::int AS "baseVersion", m.started_by AS "startedBy", m.proposer_kind AS "proposerKind", m.acts_for AS "actsFor"
       FROM exequatur.ontology_migration m WHERE m.id = $1::uuid`,
    [id],
  );
  return row ?? null;
}

/** The id of the tenant's running migration: there is at most one. */
export async function runningMigration(tx: Sql): Promise<string | null> {
  const [row] = await tx.rows<{ id: string }>("SELECT m.id FROM exequatur.ontology_migration m WHERE m.state = 'running'");
  return row?.id ?? null;
}

export function openFault(id: string): Fault {
  return { code: 'migration_open', message: `migration ${id} is running; await its end or cancel it` };
}

export interface MigrationView {
  id: string;
  state: MigrationState;
  /** Of the document that is to be in force. */
  digest: string;
  startedBy: string;
  startedAt: string;
  endedBy: string | null;
  endedAt: string | null;
  /** Why it failed or was cancelled. */
  reason: string | null;
  /** What did not fit when it failed. */
  faults: Fault[];
  rules: { objectType: string; actionType: string; objects: number; migrated: number }[];
  batches: number;
  /** The newest batch. */
  proposalId: string | null;
}

const view = (m: string): string => `jsonb_build_object(
  'id', ${m}.id, 'state', ${m}.state, 'digest', ${m}.digest, 'startedBy', ${m}.started_by, 'startedAt', ${isoTime(`${m}.started_at`)},
  'endedBy', ${m}.ended_by, 'endedAt', ${isoTime(`${m}.ended_at`)}, 'reason', ${m}.reason, 'faults', COALESCE(${m}.faults, '[]'),
  'rules', (SELECT jsonb_agg(r.rule || jsonb_build_object('migrated', COALESCE((
              SELECT sum(b.objects) FROM exequatur.migration_batch b JOIN exequatur.proposal p ON p.tenant_id = b.tenant_id AND p.id = b.proposal_id
               WHERE b.tenant_id = ${m}.tenant_id AND b.migration_id = ${m}.id AND b.rule = r.at - 1 AND p.status = 'executed'), 0)) ORDER BY r.at)
              FROM jsonb_array_elements(${m}.rules) WITH ORDINALITY r(rule, at)),
  'batches', (SELECT count(*) FROM exequatur.migration_batch b WHERE b.tenant_id = ${m}.tenant_id AND b.migration_id = ${m}.id),
  'proposalId', (SELECT b.proposal_id FROM exequatur.migration_batch b WHERE b.tenant_id = ${m}.tenant_id AND b.migration_id = ${m}.id ORDER BY b.number DESC LIMIT 1))`;

const most = 100; // Uploads that rewrite data are rare; older ones are still read by their ids.

/** Newest first. */
export async function listMigrations(tx: Sql): Promise<MigrationView[]> {
  const rows = await tx.rows<{ view: MigrationView }>(
    `SELECT ${view('m')} AS view FROM exequatur.ontology_migration m ORDER BY m.started_at DESC, m.id LIMIT ${most}`,
  );
  return rows.map((row) => row.view);
}

export async function viewMigration(tx: Sql, id: string): Promise<MigrationView | null> {
  const [row] = await tx.rows<{ view: MigrationView }>(
    `SELECT ${view('m')} AS view FROM exequatur.ontology_migration m WHERE m.id = $1::uuid`,
    [id],
  );
  return row?.view ?? null;
}
