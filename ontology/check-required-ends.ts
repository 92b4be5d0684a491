import type { CompiledLinkType } from './compiled-ontology.ts';
import { type Draft, type EditBuilder, idOfLink, linkKey } from './edit-builder.ts';
import type { LinkEnd } from './snapshot.ts';

/** What of the plan leaves an object without a link. */
interface Cause {
  type: string;
  id: string;
  property?: string;
}

/**
 * Asks, for every link type with required ends, whether each object that the plan creates, or from which it takes a link away, has one afterwards. Everything
 * asked is recorded as read.
 */
export async function checkRequiredEnds(builder: EditBuilder): Promise<void> {
  for (const link of builder.ontology.linkTypes.values()) {
    for (const end of link.requiredEnds) {
      if (link.via === undefined) {
        await checkRows(builder, link, end);
      } else if (end === 'from') {
        await checkReferrers(builder, link, link.via); // The other end is the property's own `required`.
      }
    }
  }
}

async function checkRows(builder: EditBuilder, link: CompiledLinkType, end: LinkEnd): Promise<void> {
  const rows = [...builder.links.values()].filter((edit) => edit.link === link.name);
  const touched = new Set(created(builder, link[end]));
  for (const row of rows) {
    if (row.op === 'unlink') {
      touched.add(row[end]);
    }
  }
  const asked = await existing(builder, link[end], staying(builder, link[end], touched));
  if (asked.length === 0) {
    return;
  }
  const unlinked = new Set(rows.filter((row) => row.op === 'unlink').map(linkKey));
  const kept = (await builder.recorder.links(link.name, end, asked)).filter((row) => !unlinked.has(linkKey(row)));
  const linked = new Set([...kept, ...rows.filter((row) => row.op === 'link')].map((row) => row[end]));
  refuseLonely(builder, link, end, { asked, linked }, (id) =>
    rows.flatMap((row) => (row.op === 'unlink' && row[end] === id ? [{ type: link.name, id: idOfLink(row.from, row.to) }] : [])),
  );
}

async function checkReferrers(builder: EditBuilder, link: CompiledLinkType, via: string): Promise<void> {
  const touched = new Set(created(builder, link.from));
  const gained = new Set<string>();
  const left = new Map<string, Cause[]>();
  const drafts: ReadonlyMap<string, Draft> = builder.drafts.get(link.to) ?? new Map();
  for (const [id, draft] of drafts) {
    const isRepointed = draft.op === 'delete' || (draft.op === 'modify' && draft.values.has(via));
    const old = isRepointed ? draft.state.properties[via] : undefined;
    const becomes = draft.op === 'delete' ? undefined : draft.values.get(via);
    if (typeof old === 'string') {
      touched.add(old);
      const cause = { type: link.to, id, ...(draft.op === 'modify' ? { property: via } : {}) };
      left.set(old, [...(left.get(old) ?? []), cause]);
    }
    if (typeof becomes === 'string') {
      gained.add(becomes);
    }
  }
  const asked = staying(builder, link.from, touched).filter((id) => !gained.has(id));
  if (asked.length === 0) {
    return;
  }
  const referrers = await builder.recorder.query(link.to, { property: via, op: 'in', values: asked });
  const kept = referrers.filter(({ id }) => {
    const draft = drafts.get(id);
    return draft === undefined || (draft.op === 'modify' && !draft.values.has(via));
  });
  builder.recorder.read(kept, asked.length > 1 ? [via] : []); // What moves from one to another of these is selected as before.
  const linked = new Set(kept.map((referrer) => referrer.properties[via] as string));
  refuseLonely(builder, link, 'from', { asked, linked }, (id) => left.get(id) ?? []);
}

function created(builder: EditBuilder, type: string): string[] {
  return [...(builder.drafts.get(type) ?? [])].flatMap(([id, draft]) => (draft.op === 'create' ? [id] : []));
}

/** A rule may unlink what was never linked, also from an object that is not there. */
async function existing(builder: EditBuilder, type: string, ids: readonly string[]): Promise<string[]> {
  const others = ids.filter((id) => builder.draft(type, id) === undefined);
  const found = others.length > 0 ? await builder.recorder.get(type, others) : new Map();
  return ids.filter((id) => builder.draft(type, id) !== undefined || found.has(id));
}

/** What is deleted needs no link. */
function staying(builder: EditBuilder, type: string, ids: ReadonlySet<string>): string[] {
  return [...ids].filter((id) => builder.draft(type, id)?.op !== 'delete');
}

function refuseLonely(
  builder: EditBuilder,
  link: CompiledLinkType,
  end: LinkEnd,
  { asked, linked }: { asked: readonly string[]; linked: ReadonlySet<string> },
  causesOf: (id: string) => Cause[],
): void {
  for (const id of asked) {
    if (!linked.has(id)) {
      const message = `${link[end]} ${id} would have no ${link.name}, of which it must have at least one`;
      builder.fault('required_link_missing', message, {
        pointer: `/linkTypes/${link.name}/requiredEnds`,
        // Of a revert what left it so may be left out.
        objects: [{ type: link[end], id }, ...(builder.namesAll ? causesOf(id) : [])],
      });
    }
  }
}
