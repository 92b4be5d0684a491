import type { JsonObject } from '../ontology/json.ts';
import type { Edit, PlanSummary, ResolvedRequirement } from '../ontology/plan.ts';
import type { PlannedCheck, PlannedEffect } from '../ontology/planned-effect.ts';
import { isAltered } from './altered-plan.ts';
import { pageSizeOf, pageToken, readPageToken } from './page-token.ts';
import { type Refusal, refuse } from './refusal.ts';
import { readPlannedSteps } from './saga/planned-steps.ts';
import type { Sql } from './sql.ts';

export interface PlanPage {
  proposalId: string;
  digest: string;
  revision: number;
  actionType: { name: string; version: number };
  revertOf: string | null;
  summary: PlanSummary;
  requirement: ResolvedRequirement;
  effects: PlannedEffect[];
  checks: PlannedCheck[];
  bytes: number;
  /** How many edits there are in all. */
  totalEdits: number;
  edits: Edit[];
  nextPageToken: string | null;
}

export interface Page {
  pageSize?: number;
  pageToken?: string;
}

/**
 * One page of the current plan's edits, in the plan's order. Reads only the chunks that hold the page, and all of them where they were not yet compared with the digest. A token goes with one plan: once the proposal has another,
 * it is refused instead of continuing in a different list.
 */
export async function readPlan(tx: Sql, proposalId: string, page: Page = {}): Promise<PlanPage | Refusal> {
  const [row] = await tx.rows<{
    plan: (JsonObject & Omit<PlanPage, 'edits' | 'effects' | 'checks' | 'nextPageToken'> & { id: string }) | null;
  }>(
    `SELECT CASE WHEN l.id IS NOT NULL THEN jsonb_build_object(
              'id', l.id, 'proposalId', p.id, 'digest', l.digest, 'revision', l.revision, 'actionType', jsonb_build_object('name', p.action_type, 'version', p.action_type_version),
              'revertOf', p.revert_of, 'summary', l.summary, 'requirement', l.requirement, 'bytes', l.bytes, 'totalEdits', l.edits) END AS plan
       FROM exequatur.proposal p LEFT JOIN exequatur.plan l ON l.tenant_id = p.tenant_id AND l.id = p.plan_id WHERE p.id = $1::uuid`,
    [proposalId],
  );
  if (row === undefined || row.plan === null) return refuse('not_found');
  const { id, ...plan } = row.plan;
  const query = { plan: id };
  const token = page.pageToken === undefined ? { after: 0 } : readPageToken(query, page.pageToken);
  if (token === null || typeof token.after !== 'number' || !Number.isSafeInteger(token.after) || token.after < 0)
    return refuse('invalid_page_token');
  if (await isAltered(tx, { id, digest: plan.digest })) return refuse('plan_altered');
  const first = token.after;
  const end = Math.min(first + pageSizeOf(page.pageSize), plan.totalEdits);
  const edits = first < end ? await readEdits(tx, id, first, end) : [];
  const outside = plan.summary.effects > 0 || plan.summary.checks ? await readPlannedSteps(tx, id) : [];
  const effects = outside.flatMap((step) => ('effect' in step ? [step.effect] : []));
  const checks = outside.flatMap((step) => ('check' in step ? [step.check] : []));
  return { ...plan, effects, checks, edits, nextPageToken: end < plan.totalEdits ? pageToken(query, end) : null };
}

/** Edits number `first` to `end`, exclusive. In every chunk the edit lines are the last ones. */
export async function readEdits(tx: Sql, planId: string, first: number, end: number): Promise<Edit[]> {
  const chunks = await tx.rows<{ bytes: Uint8Array; first_edit: number; edits: number }>(
    `SELECT c.bytes, c.first_edit::int AS first_edit, c.edits::int AS edits FROM exequatur.plan_chunk c
      WHERE c.plan_id = $1::uuid AND c.first_edit < $3::int AND c.first_edit + c.edits > $2::int ORDER BY c.ordinal`,
    [planId, first, end],
  );
  return chunks.flatMap((chunk) => {
    const lines = Buffer.from(chunk.bytes).toString('utf8').trimEnd().split('\n').slice(-chunk.edits);
    const from = Math.max(0, first - chunk.first_edit);
    return lines.slice(from, end - chunk.first_edit).map((line) => JSON.parse(line) as Edit);
  });
}
