import type { Edit } from '../ontology/plan.ts';
import { readEdits } from './read-plan.ts';
import type { Sql } from './sql.ts';

/** What a comment speaks of: an object that the plan edits, one property of it, or a link. */
export type Anchor = { type: string; id: string; property?: string | undefined } | { link: string; from: string; to: string };

const atOnce = 2_000; // Edits in memory at a time; a plan may have a hundred thousand.

/** Which of these anchors are no edit of the proposal's plan with this digest. Of a proposal or plan that is not there, none is looked for: the review meets that. */
export async function findStrayAnchors(tx: Sql, proposalId: string, digest: string, anchors: readonly Anchor[]): Promise<number[]> {
  const [plan] = await tx.rows<{ id: string; edits: number }>(
    'SELECT l.id::text AS id, l.edits FROM exequatur.plan l WHERE l.proposal_id = $1::uuid AND l.digest = $2 ORDER BY l.created_at DESC LIMIT 1',
    [proposalId, digest],
  );
  if (plan === undefined || anchors.length === 0) return [];
  const stray = new Map(anchors.entries());
  for (let first = 0; first < plan.edits && stray.size > 0; first += atOnce) {
    const edits = new Map((await readEdits(tx, plan.id, first, Math.min(first + atOnce, plan.edits))).map((edit) => [keyOf(edit), edit]));
    for (const [at, anchor] of stray) {
      const edit = edits.get(keyOf(anchor));
      if (edit !== undefined && touches(edit, anchor)) stray.delete(at);
    }
  }
  return [...stray.keys()];
}

function keyOf(of: Edit | Anchor): string {
  return 'link' in of ? JSON.stringify([of.link, of.from, of.to]) : JSON.stringify([of.type, of.id]);
}

function touches(edit: Edit, anchor: Anchor): boolean {
  if ('link' in anchor || anchor.property === undefined) return true;
  const { property } = anchor;
  const isIn = (values: object | undefined) => values !== undefined && Object.hasOwn(values, property);
  return (
    ('set' in edit && isIn(edit.set)) ||
    ('before' in edit && isIn(edit.before)) ||
    ('unset' in edit && edit.unset?.includes(property) === true)
  );
}
