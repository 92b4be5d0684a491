import { sortEdits } from './canonical-plan.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import { equalJson } from './equal-json.ts';
import type { JsonValue } from './json.ts';
import { existence, type ObjectState } from './object-state.ts';
import { type OverlaySnapshot, overlaid } from './overlay-snapshot.ts';
import type { Edit } from './plan.ts';
import type { ReadRecorder } from './read-recorder.ts';

/**
 * What everything laid over a snapshot comes to: one edit per object and link row, against what the database has. An object that was deleted and created again is
 * modified in whatever differs; what somebody else writes to it meanwhile would have gone with it, so `recorder` notes all its properties as read, absent ones as well.
 */
export function netEdits(
  ontology: CompiledOntology,
  { objects, rows }: Pick<OverlaySnapshot, 'objects' | 'rows'>,
  recorder: Pick<ReadRecorder, 'read'>,
): Edit[] {
  const edits: Edit[] = [...rows.values()];
  for (const [type, layers] of objects) {
    for (const [id, { base, now }] of layers) {
      if (base && now) {
        const written = writtenProperties(ontology, base, now);
        if (isCreatedAgain(now)) recorder.read([base], written);
        const edit = modification(ontology, base, now, written);
        if (edit) edits.push(edit);
      } else if (base) edits.push({ op: 'delete', type, id, before: base.properties });
      else if (now) edits.push({ op: 'create', type, id, set: now.properties });
    }
  }
  return sortEdits(edits);
}

const isCreatedAgain = (now: ObjectState) => now.propertyVersions[existence] === overlaid;

/** A creation writes every property, those that it leaves absent included; the key is the same, or it would be another object. */
function writtenProperties(ontology: CompiledOntology, base: ObjectState, now: ObjectState): string[] {
  const type = ontology.objectTypes.get(base.type);
  if (isCreatedAgain(now)) return [...(type?.properties.keys() ?? [])].filter((name) => name !== type?.key);
  return Object.keys(now.propertyVersions).filter((name) => now.propertyVersions[name] === overlaid);
}

function modification(ontology: CompiledOntology, base: ObjectState, now: ObjectState, written: readonly string[]): Edit | undefined {
  const { type, id } = base;
  const properties = ontology.objectTypes.get(type)?.properties;
  const set: Record<string, JsonValue> = {};
  const unset: string[] = [];
  const before: Record<string, JsonValue> = {};
  for (const property of written) {
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
