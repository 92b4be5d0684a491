import { canonicalText } from '../../ontology/canonical-json.ts';
import { readPlan } from '../../ontology/canonical-plan.ts';
import type { JsonObject } from '../../ontology/json.ts';
import type { LampShop } from '../workflows/lamp-shop.ts';

type Objects = Map<string, JsonObject>;

export async function objectsOf(shop: LampShop): Promise<Objects> {
  const rows = await shop.query<{ type: string; id: string; properties: JsonObject }>(
    'SELECT type, id, properties FROM exequatur.object WHERE alive',
  );
  return new Map(rows.map(({ type, id, properties }) => [`${type} ${id}`, properties]));
}

/**
 * The objects that there must be: each plan that was applied, by its own bytes, in the order of the audit log, and each that was undone put back by its before-values, but for what
 * was told to have changed since. It reads no history and no object.
 */
export async function replayedObjects(shop: LampShop): Promise<Objects> {
  const entries = await shop.query<{
    type: string;
    plan_id: string;
    bytes: Buffer;
    conflicts: { type: string; id: string; property: string }[] | null;
    had_effects: boolean;
  }>(
    `SELECT a.type, x.plan_id, (SELECT string_agg(c.bytes, ''::bytea ORDER BY c.ordinal) FROM exequatur.plan_chunk c WHERE c.tenant_id = x.tenant_id AND c.plan_id = x.plan_id) AS bytes,
            (SELECT s.conflicts FROM exequatur.saga s WHERE s.tenant_id = x.tenant_id AND s.proposal_id = x.proposal_id AND s.plan_id = x.plan_id ORDER BY s.run DESC LIMIT 1) AS conflicts,
            EXISTS (SELECT FROM exequatur.saga s WHERE s.tenant_id = x.tenant_id AND s.proposal_id = x.proposal_id AND s.plan_id = x.plan_id) AS had_effects
       FROM exequatur.audit_entry a JOIN exequatur.execution x ON x.tenant_id = a.tenant_id AND x.proposal_id = a.proposal_id
      WHERE a.type IN ('proposal.executed', 'execution.applied', 'execution.undone') ORDER BY a.seq`,
  );
  const objects: Objects = new Map();
  for (const { type, bytes, conflicts, had_effects } of entries) {
    if (type === 'proposal.executed' && had_effects) continue; // Its edits were applied earlier.
    for (const edit of readPlan([bytes]).edits) {
      if (!('type' in edit)) throw new Error('parcels have no links');
      const key = `${edit.type} ${edit.id}`;
      if (type === 'execution.undone') {
        const kept = new Set(
          (conflicts ?? []).filter((one) => one.type === edit.type && one.id === edit.id).map(({ property }) => property),
        );
        undo(objects, key, edit, kept);
      } else if (edit.op === 'delete') objects.delete(key);
      else if (edit.op === 'create') objects.set(key, { ...edit.set });
      else {
        const next = { ...objects.get(key), ...edit.set };
        for (const name of edit.unset ?? []) delete next[name];
        objects.set(key, next);
      }
    }
  }
  return objects;
}

function undo(
  objects: Objects,
  key: string,
  edit: { op: string; set?: JsonObject; unset?: string[]; before?: JsonObject },
  kept: ReadonlySet<string>,
): void {
  if (edit.op !== 'modify') throw new Error('only modifications have effects here');
  const next = { ...objects.get(key) };
  for (const name of [...Object.keys(edit.set ?? {}), ...(edit.unset ?? [])]) {
    if (kept.has(name)) continue;
    const before = edit.before?.[name];
    if (before === undefined) delete next[name];
    else next[name] = before;
  }
  objects.set(key, next);
}

/** Which objects differ, and how. */
export function differencesOf(found: Objects, expected: Objects): string[] {
  const text = (objects: Objects, key: string) => (objects.has(key) ? canonicalText(objects.get(key) as JsonObject) : 'nothing');
  return [...new Set([...found.keys(), ...expected.keys()])].flatMap((key) =>
    text(found, key) === text(expected, key) ? [] : [`${key}: ${text(found, key)}, not ${text(expected, key)}`],
  );
}
