import { compareSubjects } from '../ontology/canonical-plan.ts';
import { compareEdits, type EditDifference } from '../ontology/compare-edits.ts';
import { equalJson } from '../ontology/equal-json.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import type { PlanSummary, ResolvedRequirement } from '../ontology/plan.ts';
import type { PlannedCheck, PlannedEffect } from '../ontology/planned-effect.ts';
import { isAltered } from './altered-plan.ts';
import { EditLines } from './edit-lines.ts';
import { pageSizeOf, pageToken, readPageToken } from './page-token.ts';
import { type PastPlan, type PastPlanRow, readPlanHistory } from './plan-history.ts';
import type { Page } from './read-plan.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql } from './sql.ts';

export interface ComparedPlan extends PastPlan {
  summary: PlanSummary;
  totalEdits: number;
}

export interface DifferenceCounts {
  added: number;
  removed: number;
  changed: number;
  same: number;
}

export interface PlanDifference {
  proposalId: string;
  actionType: string;
  from: ComparedPlan;
  to: ComparedPlan;
  /** Who must approve, in both plans; null where that is the same. */
  requirement: { from: ResolvedRequirement; to: ResolvedRequirement } | null;
  /** What is done outside, in both plans; null where that is the same. Whoever shows it passes it through the reader's mask. */
  outside: { from: Outside; to: Outside } | null;
  /** What else differs of the plans' headers. */
  header: { field: string; from: JsonValue; to: JsonValue }[];
  /** Of all edits, whatever the page. */
  counts: DifferenceCounts;
  edits: EditDifference[];
  nextPageToken: string | null;
}

export interface Outside {
  effects: PlannedEffect[];
  checks: PlannedCheck[];
}

export interface ComparedDigests {
  /** The plan before `to` unless told. */
  from?: string;
  /** The current plan unless told. */
  to?: string;
}

/**
 * How two plans of one proposal differ, edit by edit, in the order that plans have. Both are sorted, so they are walked side by side, a chunk of each in memory. The
 * first page walks to the end, for the counts; its token carries them.
 */
export async function readPlanDifference(
  tx: Sql,
  proposalId: string,
  digests: ComparedDigests,
  page: Page = {},
): Promise<PlanDifference | Refusal> {
  const plans = choosePlans(await readPlanHistory(tx, proposalId), digests);
  if (plans === null) return refuse('not_found');
  for (const plan of [plans.from, plans.to]) if (await isAltered(tx, plan)) return refuse('plan_altered');
  const [from, to] = await Promise.all([readHead(tx, plans.from), readHead(tx, plans.to)]);
  const query = { from: plans.from.id, to: plans.to.id };
  const start = page.pageToken === undefined ? { from: 0, to: 0, counts: null } : startOf(readPageToken(query, page.pageToken)?.after);
  if (start === null) return refuse('invalid_page_token');
  const walked = await walk(
    new EditLines(tx, plans.from.id, start.from),
    new EditLines(tx, plans.to.id, start.to),
    pageSizeOf(page.pageSize),
    start.counts,
  );
  // What was filled in and selected is told by the summaries, where it passes through the reader's mask and is cut to what can be read.
  const {
    requirement: was,
    prefilled: _filled,
    objectSets: _sets,
    actions: _actions,
    effects: sent,
    checks: asked,
    ...oldHeader
  } = from.header;
  const { requirement: is, prefilled: _filledNow, objectSets: _setsNow, actions: _actionsNow, effects, checks, ...newHeader } = to.header;
  const outside = { from: outsideOf(sent, asked), to: outsideOf(effects, checks) };
  return {
    proposalId,
    actionType: String(to.header.actionType),
    from: from.plan,
    to: to.plan,
    requirement: equalJson(was, is) ? null : { from: was as unknown as ResolvedRequirement, to: is as unknown as ResolvedRequirement },
    outside: equalJson(outside.from as unknown as JsonValue, outside.to as unknown as JsonValue) ? null : outside,
    header: headerDifferences(oldHeader, newHeader),
    counts: walked.counts,
    edits: walked.edits,
    nextPageToken: walked.next === null ? null : pageToken(query, [walked.next.from, walked.next.to, { ...walked.counts }]),
  };
}

function outsideOf(effects: JsonValue | undefined, checks: JsonValue | undefined): Outside {
  return { effects: (effects ?? []) as unknown as PlannedEffect[], checks: (checks ?? []) as unknown as PlannedCheck[] };
}

/** Of equal digests the newest: after a revision the same plan may come again. */
function choosePlans(history: readonly PastPlanRow[], digests: ComparedDigests): { from: PastPlanRow; to: PastPlanRow } | null {
  const toAt = digests.to === undefined ? history.length - 1 : history.findLastIndex(({ digest }) => digest === digests.to);
  const to = history[toAt];
  const from = digests.from === undefined ? history[toAt - 1] : history.findLast(({ digest }) => digest === digests.from);
  return from === undefined || to === undefined ? null : { from, to };
}

async function readHead(tx: Sql, { id, ...past }: PastPlanRow): Promise<{ plan: ComparedPlan; header: JsonObject }> {
  const [row] = await tx.rows<{ summary: PlanSummary; edits: number; header: JsonObject }>(
    `SELECT l.summary, l.edits::int AS edits, split_part(convert_from(c.bytes, 'UTF8'), E'\\n', 1)::jsonb AS header
       FROM exequatur.plan l JOIN exequatur.plan_chunk c ON c.tenant_id = l.tenant_id AND c.plan_id = l.id AND c.ordinal = 0 WHERE l.id = $1::uuid`,
    [id],
  );
  if (row === undefined) throw new Error('a plan has a first chunk');
  return { plan: { ...past, summary: row.summary, totalEdits: row.edits }, header: row.header };
}

function headerDifferences(from: JsonObject, to: JsonObject): PlanDifference['header'] {
  return [...new Set([...Object.keys(from), ...Object.keys(to)])]
    .sort()
    .filter((field) => !equalJson(from[field], to[field]))
    .map((field) => ({ field, from: from[field] ?? null, to: to[field] ?? null }));
}

interface Start {
  from: number;
  to: number;
  counts: DifferenceCounts | null;
}

function startOf(after: JsonValue | undefined): Start | null {
  if (!Array.isArray(after)) return null;
  const [from, to, counts] = after;
  const numbers = [from, to, ...['added', 'removed', 'changed', 'same'].map((name) => (counts as JsonObject | undefined)?.[name])];
  if (!numbers.every((value) => Number.isSafeInteger(value) && (value as number) >= 0)) return null;
  return { from: from as number, to: to as number, counts: counts as unknown as DifferenceCounts };
}

interface Walked {
  edits: EditDifference[];
  counts: DifferenceCounts;
  /** Where the next page begins. */
  next: { from: number; to: number } | null;
}

async function walk(from: EditLines, to: EditLines, size: number, known: DifferenceCounts | null): Promise<Walked> {
  const counts = { added: 0, removed: 0, changed: 0, same: 0 };
  const edits: EditDifference[] = [];
  let next: Walked['next'] = null;
  for (;;) {
    const [was, is] = [from.line ?? (await from.load()), to.line ?? (await to.load())];
    if (was === null && is === null) break;
    if (was === is) {
      counts.same++;
      from.skip();
      to.skip();
      continue;
    }
    if (edits.length === size) {
      next ??= { from: from.at, to: to.at };
      if (known !== null) break;
    }
    const difference = differenceAt(from, to);
    counts[difference.kind]++;
    if (edits.length < size) edits.push(difference);
  }
  return { edits, counts: known ?? counts, next };
}

/** The first difference of two places, and past it. */
function differenceAt(from: EditLines, to: EditLines): EditDifference {
  const [was, is] = [from.edit(), to.edit()];
  const order = was === null ? 1 : is === null ? -1 : compareSubjects(was, is);
  if (order <= 0) from.skip();
  if (order >= 0) to.skip();
  if (was !== null && order < 0) return { kind: 'removed', edit: was };
  if (is !== null && order > 0) return { kind: 'added', edit: is };
  if (was === null || is === null) throw new Error('two plans have ended, and differ');
  return compareEdits(was, is);
}
