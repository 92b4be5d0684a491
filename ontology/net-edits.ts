import { sortEdits } from './canonical-plan.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import { equalJson } from './equal-json.ts';
import type { JsonValue } from './json.ts';
import { existence, type ObjectState } from './object-state.ts';
import { type OverlaySnapshot, overlaid } from './overlay-snapshot.ts';
import type { Edit } from './plan.ts';
import { refuse } from './refusal.ts';

/** What everything laid over a snapshot comes to: one edit per object and link row, against what the database has. @throws {Refusal} */
export function netEdits(ontology: CompiledOntology, { objects, rows }: Pick<OverlaySnapshot, 'objects' | 'rows'>): Edit[] {
  const edits: Edit[] = [...rows.values()];
  for (const [type, layers] of objects) {
    for (const [id, { base, now }] of layers) {
      if (base && now) {
        const edit = modification(ontology, base, now);
        if (edit) edits.push(edit);
      } else if (base) edits.push({ op: 'delete', type, id, before: base.properties });
      else if (now) edits.push({ op: 'create', type, id, set: now.properties });
    }
  }
  return sortEdits(edits);
}

function modification(ontology: CompiledOntology, base: ObjectState, now: ObjectState): Edit | undefined {
  const { type, id } = base;
  if (now.propertyVersions[existence] === overlaid)
    throw refuse('conflicting_edits', `${type} ${id} would be deleted and created again`, { objects: [{ type, id }] });
  const properties = ontology.objectTypes.get(type)?.properties;
  const set: Record<string, JsonValue> = {};
  const unset: string[] = [];
  const before: Record<string, JsonValue> = {};
  for (const property of Object.keys(now.propertyVersions).filter((name) => now.propertyVersions[name] === overlaid)) {
    const [was, is] = [base.properties[property], now.properties[property]];
    // As in one action: whether a value is the one that is there already is told of no sensitive one.
    if (equalJson(was, is) && !(is !== undefined && properties?.get(property)?.sensitive)) continue;
    if (was !== undefined) before[property] = was;
    if (is === undefined) unset.push(property);
    else set[property] = is;
  }
  if (Object.keys(set).length + unset.length === 0) return undefined;
  return {
    ...{ op: 'modify', type, id, before },
    ...(Object.keys(set).length > 0 ? { set } : {}),
    ...(unset.length > 0 ? { unset: unset.sort() } : {}),
  };
}
