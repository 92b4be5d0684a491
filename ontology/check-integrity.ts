import { canonicalText } from './canonical-json.ts';
import { checkRequiredEnds } from './check-required-ends.ts';
import type { Condition } from './condition.ts';
import { type EditBuilder, groupBy, idOfLink, linkKey } from './edit-builder.ts';
import type { JsonScalar, JsonValue } from './json.ts';
import type { ObjectState } from './object-state.ts';

/**
 * Asks of the merged edits what the door will ask of them again: that what is created is not there yet, that references lead to objects that will be there, that
 * nothing deleted is still referred to, that unique values stay so, and that required links are there. Everything asked is recorded as read, absences included.
 */
export async function checkIntegrity(builder: EditBuilder): Promise<void> {
  await checkCreated(builder);
  await checkReferences(builder);
  await checkDeleted(builder);
  await checkUnique(builder);
  await checkRequiredEnds(builder);
}

async function checkCreated(builder: EditBuilder): Promise<void> {
  for (const [type, drafts] of builder.drafts) {
    const ids = [...drafts].flatMap(([id, draft]) => (draft.op === 'create' ? [id] : []));
    for (const id of ids.length > 0 ? (await builder.recorder.get(type, ids)).keys() : []) {
      builder.fault('object_exists', `${type} ${id} exists already`, { objects: [{ type, id }] });
    }
  }
}

/** Targets of references and ends of links: each must be there already or be created here, and must not be deleted here. */
async function checkReferences(builder: EditBuilder): Promise<void> {
  const wanted = new Map<string, Map<string, { type: string; id: string; property?: string }[]>>();
  const want = (target: string, id: string, by: { type: string; id: string; property?: string }) => {
    let ids = wanted.get(target);
    if (!ids) {
      ids = new Map();
      wanted.set(target, ids);
    }
    const others = ids.get(id);
    if (!others) {
      ids.set(id, [by]);
    } else if (builder.namesAll) {
      others.push(by);
    }
  };
  for (const [type, drafts] of builder.drafts) {
    const references = Object.entries(builder.ontology.objectTypes.get(type)?.references ?? {});
    if (references.length === 0) {
      continue;
    }
    for (const [id, draft] of drafts) {
      for (const [property, target] of draft.op === 'delete' ? [] : references) {
        for (const to of idsIn(draft.op === 'delete' ? undefined : draft.values.get(property))) {
          want(target, to, { type, id, property });
        }
      }
    }
  }
  for (const edit of builder.links.values()) {
    const link = builder.ontology.linkTypes.get(edit.link);
    if (link && edit.op === 'link') {
      const by = { type: edit.link, id: idOfLink(edit.from, edit.to) };
      want(link.from, edit.from, by);
      want(link.to, edit.to, by);
    }
  }
  for (const [type, ids] of wanted) {
    const elsewhere = [...ids.keys()].filter((id) => builder.draft(type, id)?.op !== 'create');
    const found = await builder.recorder.get(type, elsewhere);
    for (const [id, all] of ids) {
      const draft = builder.draft(type, id)?.op;
      if (draft === 'delete' || (draft !== 'create' && !found.has(id))) {
        const gone = draft === 'delete' ? 'would be deleted' : 'does not exist';
        for (const by of all) {
          const message = `${by.type} ${by.id} would refer to ${type} ${id}, which ${gone}`;
          builder.fault('unknown_reference', message, { objects: [by, { type, id }] });
        }
      }
    }
  }
}

async function checkDeleted(builder: EditBuilder): Promise<void> {
  for (const [type, drafts] of builder.drafts) {
    const ids = [...drafts].flatMap(([id, draft]) => (draft.op === 'delete' ? [id] : []));
    if (ids.length === 0) {
      continue;
    }
    const deleted = new Set(ids);
    for (const [name, { references, properties }] of builder.ontology.objectTypes) {
      for (const property of Object.keys(references).filter((reference) => references[reference] === type)) {
        const where = pointingAt(property, ids, properties.get(property)?.type === 'array');
        for (const referrer of await builder.recorder.query(name, where)) {
          checkReferrer(builder, referrer, property, deleted, type);
        }
      }
    }
    for (const link of builder.ontology.linkTypes.values()) {
      if (link.cardinality !== 'many-to-many') {
        continue;
      }
      for (const end of ['from', 'to'] as const) {
        const rows = link[end] === type ? await builder.recorder.links(link.name, end, ids) : [];
        for (const row of rows.filter((candidate) => builder.links.get(linkKey(candidate))?.op !== 'unlink')) {
          const message = `${type} ${row[end]} is still linked by ${link.name} from ${row.from} to ${row.to}`;
          builder.fault('still_referenced', message, { objects: [{ type, id: row[end] }] });
        }
      }
    }
  }
}

function pointingAt(property: string, ids: readonly string[], isList: boolean): Condition {
  return isList ? { property, op: 'containsAny', values: [...ids] } : { property, op: 'in', values: [...ids] };
}

/** A referrer that goes too, or that this plan points elsewhere, holds nothing back. */
function checkReferrer(builder: EditBuilder, referrer: ObjectState, property: string, deleted: ReadonlySet<string>, type: string): void {
  const draft = builder.draft(referrer.type, referrer.id);
  if (draft?.op === 'delete') {
    return;
  }
  const becomes = draft?.op === 'modify' && draft.values.has(property) ? draft.values.get(property) : referrer.properties[property];
  const found = idsIn(becomes).filter((id) => deleted.has(id));
  for (const held of builder.namesAll ? new Set(found) : found.slice(0, 1)) {
    const objects = [
      { type, id: held },
      { type: referrer.type, id: referrer.id, property },
    ];
    builder.fault('still_referenced', `${type} ${held} is still referred to by ${property} of ${referrer.type} ${referrer.id}`, {
      objects,
    });
  }
}

async function checkUnique(builder: EditBuilder): Promise<void> {
  for (const [type, drafts] of builder.drafts) {
    for (const property of builder.ontology.objectTypes.get(type)?.unique ?? []) {
      const claims = [...drafts].flatMap(([id, draft]) => {
        const value = draft.op === 'delete' ? undefined : draft.values.get(property);
        return value === undefined ? [] : [{ id, value: value as JsonScalar }];
      });
      if (claims.length === 0) {
        continue;
      }
      const values = [...new Set(claims.map((claim) => claim.value))];
      const holders = await builder.recorder.query(type, { property, op: 'in', values });
      const kept = holders.filter((holder) => {
        const draft = drafts.get(holder.id);
        return draft === undefined || (draft.op === 'modify' && !draft.values.has(property));
      });
      const all = [...claims, ...kept.map((holder) => ({ id: holder.id, value: holder.properties[property] as JsonScalar }))];
      for (const rivals of groupBy(all, (claim) => canonicalText(claim.value)).values()) {
        if (new Set(rivals.map((rival) => rival.id)).size > 1) {
          const objects = rivals.map((rival) => ({ type, id: rival.id, property }));
          builder.fault('not_unique', `${rivals.length} objects of type ${type} would have the same ${property}`, { objects });
        }
      }
    }
  }
}

function idsIn(value: JsonValue | undefined): string[] {
  if (typeof value === 'string') {
    return [value];
  }
  return Array.isArray(value) ? (value as string[]) : [];
}
