import { compileFilter } from '../ontology/compile-filter.ts';
import type { Mask } from '../ontology/mask.ts';
import type { Fault } from '../ontology/plan.ts';
import { propertiesIn } from '../ontology/properties-in.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/**
 * Refuses questions whose answers would tell a value that the caller may not see: a filter over it finds it out in a few steps, an order compares it with every other.
 * Null where nothing stands against the question. What cannot be read at all is left for whoever answers it to refuse.
 */
export async function refuseHiddenQuestion(
  tx: Tx,
  type: string,
  query: { filter?: string; orderBy?: string },
  mask: Mask,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<Refusal | null> {
  if (query.filter === undefined && query.orderBy === undefined) return null;
  const loaded = await deps.ontologies.load(tx);
  if (loaded === null) return null;
  const properties = [...(loaded.ontology.objectTypes.get(type)?.properties.keys() ?? [])];
  const filter = query.filter === undefined ? null : compileFilter(loaded.ontology, type, query.filter);
  const filtered = filter?.ok === true ? propertiesIn(filter.condition) : [];
  const ordered = query.orderBy?.split(/[\s,]+/) ?? [];
  const asked = properties.filter((property) => filtered.includes(property) || ordered.includes(property));
  const hidden = asked.filter((property) => mask.hides('objectTypes', type, property));
  const faults = hidden.flatMap((property) => [
    ...(filtered.includes(property) ? [sensitive('/filter', property)] : []),
    ...(ordered.includes(property) ? [sensitive('/orderBy', property)] : []),
  ]);
  if (faults.length === 0) for (const property of asked) mask.tell('objectTypes', type, property);
  return faults.length === 0 ? null : refuse('sensitive_property', faults);
}

/** A link that a sensitive reference holds is told by walking it, from either end. */
export async function refuseHiddenLink(tx: Tx, name: string, mask: Mask, deps: Pick<StoreDeps, 'ontologies'>): Promise<Refusal | null> {
  const link = (await deps.ontologies.load(tx))?.ontology.linkTypes.get(name);
  if (link?.via === undefined) return null;
  if (!mask.hides('objectTypes', link.to, link.via)) {
    mask.tell('objectTypes', link.to, link.via);
    return null;
  }
  return refuse('sensitive_property', [sensitive('/link', `${link.via} of ${link.to}`)]);
}

function sensitive(pointer: string, property: string): Fault {
  return { code: 'sensitive_property', pointer, message: `${property} is sensitive and cannot be asked for` };
}
