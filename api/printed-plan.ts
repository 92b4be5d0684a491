import { createHash } from 'node:crypto';
import { z } from 'zod';
import { disclosedValue, factsOf } from '../audit/entry.ts';
import type { Edit } from '../ontology/plan.ts';
import type { Evidence, EvidencePlan } from '../store/read-log.ts';
import { editSchema } from './schemas/plan-schema.ts';

/** Of a plan's header what is printed. */
const headerSchema = z.object({
  actionType: z.string(),
  actionTypeVersion: z.int(),
  effects: z.array(z.object({ name: z.string() })),
  requirement: z.object({
    policy: z.string(),
    automatic: z.boolean(),
    stages: z.array(
      z.object({
        name: z.string(),
        require: z.string().optional(),
        thresholds: z.array(z.object({ needed: z.int(), reviewers: z.string() })),
      }),
    ),
  }),
});

/** What is printed of a plan, all of it from the bytes that its digest is over, and of no row beside them. */
export interface PrintedPlan extends Omit<z.infer<typeof headerSchema>, 'effects'> {
  digest: string;
  /** Their names, in the order in which they happen. */
  effects: string[];
  totalEdits: number;
  /** The first of them. */
  edits: Edit[];
}

/** A plan of which nothing is printed: its bytes are not those of its digest, or no plan, or it is not the last that entries tell of. */
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
  return printedFrom(Buffer.concat(kept).toString('utf8'), { digest: plan.digest, newlines, mostEdits });
}

/** Whoever alters bytes, digest and entries together may have made of the plan what none is. */
function printedFrom(
  text: string,
  { digest, newlines, mostEdits }: { digest: string; newlines: number; mostEdits: number },
): PrintedPlan | typeof altered {
  const [header = '', , ...lines] = text.split('\n');
  const edits = z.array(editSchema).safeParse(lines.slice(0, mostEdits).map(disclosedValue));
  const known = headerSchema.safeParse(disclosedValue(header));
  if (!known.success || !edits.success) return altered;
  const effects = known.data.effects.map(({ name }) => name);
  return { ...known.data, digest, effects, totalEdits: newlines + 1 - linesBeforeEdits, edits: edits.data as Edit[] };
}
