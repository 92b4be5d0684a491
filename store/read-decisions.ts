import { isObject } from '../ontology/diff-walk.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import type { StageReason } from '../ontology/plan.ts';
import { isProblemCode, problems } from '../ontology/problems.ts';
import { isoTime } from './proposal-row.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

export interface DecisionView {
  id: string;
  at: string;
  actor: string;
  action: string;
  outcome: 'allowed' | 'refused' | 'asked' | 'held';
  reason: string | null;
  revision: number;
  digest: string | null;
  /** Which version of the policies answered; 0 are the built-in ones. */
  policyVersion: number;
  policies: string[];
  errors: string[];
  details: JsonObject;
  /** The same in words. */
  explanation: string;
}

type DecisionRow = Omit<DecisionView, 'explanation'>;

const most = 1_000; // A proposal has a handful; refusals of one person in one state are kept once.

/** What was decided on a proposal, oldest first, and in words why. */
export async function readDecisions(
  tx: Tx,
  proposalId: string,
  deps: Pick<StoreDeps, 'policies'>,
): Promise<{ decisions: DecisionView[] } | Refusal> {
  const [found, rows] = await Promise.all([
    tx.rows('SELECT 1 FROM exequatur.proposal p WHERE p.id = $1::uuid', [proposalId]),
    tx.rows<DecisionRow>(
      `SELECT d.id::text AS id, ${isoTime('d.at')} AS at, d.actor, d.action, d.outcome, d.reason, d.revision, d.digest, d.policy_version::int AS "policyVersion", d.policies, d.errors, d.details
         FROM exequatur.decision d WHERE d.proposal_id = $1::uuid ORDER BY d.at, d.id LIMIT ${most}`,
      [proposalId],
    ),
  ]);
  if (found.length === 0) return refuse('not_found');
  const decisions: DecisionView[] = [];
  for (const row of rows) {
    const loaded = await deps.policies.load(tx, tx.tenant, row.policyVersion);
    const details = isObject(row.details) ? row.details : {}; // Whoever administers the database may have made it into anything.
    decisions.push({ ...row, details, explanation: explain({ ...row, details }, loaded?.set.policies ?? {}) });
  }
  return { decisions };
}

function explain(row: DecisionRow, texts: Readonly<Record<string, string>>): string {
  const { action, outcome, reason, policies, errors, details } = row;
  const actor = typeof details.onBehalfOf === 'string' ? `${row.actor}, on behalf of ${details.onBehalfOf},` : row.actor;
  if (action === 'stage') return explainStages(row);
  if (outcome === 'held') return explainHold(row);
  const named = policies.map((id) => inWords(id, texts[id])).join('; ');
  if (outcome === 'allowed' && Array.isArray(details.overridden)) {
    const passed = details.overridden.map((id) => inWords(inText(id), texts[inText(id)])).join('; ');
    return `${actor} may ${action}, by ${named}; ${inText(details.overriddenBy)} has overridden ${passed}.`;
  }
  if (outcome === 'allowed') {
    const done = action === 'review' ? `review, and ${reviewed[inText(details.decision)] ?? 'does'}` : action;
    return policies.length === 0 ? `${actor} may ${done}: the gate's own rules allow it.` : `${actor} may ${done}, by ${named}.`;
  }
  const who = `${actor} may not ${action}`;
  if (errors.length > 0) return `${who}: ${errors.join('; ')}. What cannot be computed is refused.`;
  if (reason === 'policy_forbids') return policies.length === 0 ? `${who}: no policy permits it.` : `${who}, by ${named}.`;
  return `${who}: ${reason !== null && isProblemCode(reason) ? problems[reason].title : reason}`;
}

const reviewed: Readonly<Record<string, string>> = { approve: 'approves', reject: 'rejects', request_changes: 'asks for changes' };

function inText(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function explainStages({ outcome, policies, details }: DecisionRow): string {
  const policy = policies.join(', ');
  if (outcome === 'refused') {
    const rejected = Array.isArray(details.rejected) ? details.rejected.filter(isObject) : [];
    const by = rejected.map(({ name, denied }) => `${inText(name)} (${inText(denied)})`).join(', ');
    return `It is rejected: more said no than the approval policy ${policy} tolerates, in ${by}.`;
  }
  if (outcome === 'allowed') return `The approval policy ${policy} lets this plan go without asking anybody.`;
  const stages = Array.isArray(details.stages) ? details.stages.filter(isObject) : [];
  return `The approval policy ${policy} asks ${stages.map(inWordsOf).join(', then ')}.`;
}

/** A stage without a condition is asked always, which needs no reason. */
function inWordsOf({ name, needed, when, outcome }: JsonObject): string {
  const stage = `${inText(name)} (${(Array.isArray(needed) ? needed : []).map(inText).join(' + ')})`;
  const reason = conditionWords[inText(outcome)];
  return typeof when !== 'string' || reason === undefined ? stage : `${stage}, ${reason}: ${when}`;
}

const conditionWords: Readonly<Record<string, string>> = {
  holds: 'since its condition holds',
  fails: 'although its condition does not hold',
  not_computed: 'since its condition cannot be computed',
} satisfies Record<StageReason['outcome'], string>;

const heldBecause: Readonly<Record<string, string>> = {
  switched_off: 'it is switched off',
  not_yet: 'it is not time for it yet',
  standing_lost: 'of those who approved it not enough may approve it any more',
  approvals_missing: 'the database counts fewer approvals than it needs',
  definitions_changed: 'other definitions are in force, so it is simulated again',
};

function explainHold({ reason, details }: DecisionRow): string {
  const why = heldBecause[reason ?? ''] ?? `what it goes by has changed (${reason}), so it is simulated again`;
  const by = typeof details.heldBy === 'string' ? `, by ${details.heldBy}` : '';
  const until = typeof details.until === 'string' ? `, until ${details.until}` : '';
  return `It is approved, and not executed: ${why}${by}${until}.`;
}

/** A policy's own `@explain("...")` beside its id. */
function inWords(id: string, text: string | undefined): string {
  const own = /@explain\(\s*"((?:[^"\\]|\\.)*)"\s*\)/.exec(text ?? '')?.[1];
  return own === undefined ? id : `${id} (${own.replaceAll(/\\(.)/g, '$1')})`;
}
