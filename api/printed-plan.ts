import { createHash } from 'node:crypto';
import { factsOf } from '../audit/entry.ts';
import type { Edit, PlanHeader } from '../ontology/plan.ts';
import type { Evidence, EvidencePlan } from '../store/read-log.ts';

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
const linesBeforeEdits = 2; // The header, and the parameters.
const tellsPlan = new Set(['proposal.simulated', 'execution.applied', 'proposal.executed']);

/** Hashes the plan chunk by chunk, and keeps no more of it than is printed. */
export async function printedPlan(
  { plan, entries }: Pick<Evidence, 'plan' | 'entries'>,
  read: (plan: EvidencePlan, ordinal: number) => Promise<{ bytes: Buffer } | null>,
  mostEdits: number,
): Promise<PrintedPlan | typeof altered | null> {
  if (plan === null) return null;
  const told = entries.map(({ payload }) => factsOf(payload));
  const last = told.findLast(({ type, planDigest }) => tellsPlan.has(String(type)) && planDigest !== undefined);
  if (last?.planDigest !== plan.digest) return altered;
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  let newlines = 0;
  for (let ordinal = 0; ordinal < plan.chunks; ordinal++) {
    const chunk = await read(plan, ordinal);
    if (chunk === null) return altered;
    hash.update(chunk.bytes);
    if (newlines < mostEdits + linesBeforeEdits) kept.push(chunk.bytes);
    for (let at = chunk.bytes.indexOf(10); at !== -1; at = chunk.bytes.indexOf(10, at + 1)) newlines++;
  }
  if (plan.digest !== `sha256:${hash.digest('hex')}`) return altered;
  const [header = '', , ...lines] = Buffer.concat(kept).toString('utf8').split('\n');
  const edits = lines.slice(0, mostEdits).map((line) => JSON.parse(line) as Edit);
  return { digest: plan.digest, header: JSON.parse(header) as PlanHeader, totalEdits: newlines + 1 - linesBeforeEdits, edits };
}
