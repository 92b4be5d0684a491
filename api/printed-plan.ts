import { createHash } from 'node:crypto';
import { factsOf } from '../audit/entry.ts';
import type { Edit, PlanHeader } from '../ontology/plan.ts';
import type { Evidence } from '../store/read-log.ts';

/** What is printed of a plan, all of it from the bytes that its digest is over, and of no row beside them. */
export interface PrintedPlan {
  digest: string;
  header: PlanHeader;
  totalEdits: number;
  /** The first of them. */
  edits: Edit[];
}

/** A plan of which nothing is printed: its bytes are not those of its digest, or it is not the last that entries tell of. */
export const altered = 'altered';
const tellsPlan = new Set(['proposal.simulated', 'execution.applied', 'proposal.executed']);

export function printedPlan({ plan, entries }: Pick<Evidence, 'plan' | 'entries'>, mostEdits: number): PrintedPlan | typeof altered | null {
  if (plan === null) return null;
  const bytes = Buffer.from(plan.bytes, 'base64');
  const told = entries.map(({ payload }) => factsOf(payload));
  const last = told.findLast(({ type, planDigest }) => tellsPlan.has(String(type)) && planDigest !== undefined);
  if (last?.planDigest !== plan.digest) return altered;
  if (plan.digest !== `sha256:${createHash('sha256').update(bytes).digest('hex')}`) return altered;
  const [header = '', , ...lines] = bytes.toString('utf8').split('\n');
  const edits = lines.slice(0, mostEdits).map((line) => JSON.parse(line) as Edit);
  return { digest: plan.digest, header: JSON.parse(header) as PlanHeader, totalEdits: lines.length, edits };
}
