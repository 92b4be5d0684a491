import type { CompiledLinkType } from './compiled-ontology.ts';
import { maximumEdits } from './definition-schema.ts';
import { type EditBuilder, linkKey } from './edit-builder.ts';
import type { ObjectState } from './object-state.ts';
import { refuse } from './refusal.ts';

/**
 * Adds to a plan what its deletions entail by the link types' `onDelete`: first what is deleted too, to its end, asking each link type once per round, so that a
 * chain costs as many rounds as it is long; then what is unset or unlinked of all that stays. What a rule points elsewhere in the same plan stays; what a rule
 * changes otherwise and a deletion would take along is a contradiction, and becomes a fault. Everything asked is recorded as read.
 */
export async function cascadeDeletes(builder: EditBuilder): Promise<void> {
  const links = [...builder.ontology.linkTypes.values()].filter((link) => link.onDelete !== 'refuse');
  const deleted = new Map<string, Set<string>>();
  let total = 0;
  for (let fresh = freshDeletions(builder, deleted); fresh.size > 0; fresh = freshDeletions(builder, deleted)) {
    total += [...fresh.values()].reduce((sum, ids) => sum + ids.length, 0);
    if (total > maximumEdits) {
      throw refuse('limit_exceeded', `the plan would delete more than ${maximumEdits} objects`);
    }
    for (const link of links) {
      const ids = fresh.get(link.from);
      if (ids && link.onDelete === 'delete') {
        await deleteLinked(builder, link, ids);
      }
    }
  }
  for (const link of links) {
    await (link.via === undefined ? unlinkRows(builder, link, deleted) : unsetReferrers(builder, link, link.via, deleted));
  }
}

/** Deleted objects by type that no round has looked at yet; notes that this one has. */
function freshDeletions(builder: EditBuilder, seen: Map<string, Set<string>>): Map<string, string[]> {
  const fresh = new Map<string, string[]>();
  for (const [type, drafts] of builder.drafts) {
    const known = seen.get(type) ?? new Set<string>();
    const ids = [...drafts].flatMap(([id, draft]) => (draft.op === 'delete' && !known.has(id) ? [id] : []));
    if (ids.length > 0) {
      fresh.set(type, ids);
      seen.set(type, new Set([...known, ...ids]));
    }
  }
  return fresh;
}

async function deleteLinked(builder: EditBuilder, link: CompiledLinkType, ids: readonly string[]): Promise<void> {
  let linked: Iterable<ObjectState>;
  if (link.via === undefined) {
    const rows = await builder.recorder.links(link.name, 'from', ids);
    const kept = rows.filter((row) => builder.links.get(linkKey(row))?.op !== 'unlink');
    const states = await builder.recorder.get(
      link.to,
      kept.map((row) => row.to),
    );
    linked = states.values();
  } else {
    linked = await referrersOf(builder, link, link.via, ids);
  }
  for (const state of linked) {
    builder.delete(state, pointerOf(link));
  }
}

async function unsetReferrers(
  builder: EditBuilder,
  link: CompiledLinkType,
  via: string,
  deleted: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<void> {
  const ids = deleted.get(link.from);
  for (const referrer of ids && link.onDelete === 'unlink' ? await referrersOf(builder, link, via, [...ids]) : []) {
    builder.modify(referrer, via, undefined, pointerOf(link));
  }
}

/** Those that stay and that no rule points elsewhere. */
async function referrersOf(builder: EditBuilder, link: CompiledLinkType, via: string, ids: readonly string[]): Promise<ObjectState[]> {
  const found = await builder.recorder.query(link.to, { property: via, op: 'in', values: [...ids] });
  return found.filter(({ id }) => {
    const draft = builder.draft(link.to, id);
    return draft?.op !== 'delete' && !(draft?.op === 'modify' && draft.values.has(via));
  });
}

async function unlinkRows(builder: EditBuilder, link: CompiledLinkType, deleted: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
  for (const end of ['from', 'to'] as const) {
    const ids = deleted.get(link[end]);
    for (const row of ids ? await builder.recorder.links(link.name, end, ids) : []) {
      builder.link({ op: 'unlink', link: link.name, from: row.from, to: row.to }, pointerOf(link));
    }
  }
}

function pointerOf(link: CompiledLinkType): string {
  return `/linkTypes/${link.name}/onDelete`;
}
