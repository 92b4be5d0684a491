import { compileFilter } from './compile-filter.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import type { Condition } from './condition.ts';
import { propertiesIn } from './properties-in.ts';

export type SetFilterOutcome = { condition: Condition } | { refused: string[] };

/**
 * Compiles the filter of an object set. It may not ask about sensitive properties: whoever chooses the members sees them, and would find out such a value in a few
 * steps. Whether this proposer may see it is not asked, so that a plan does not depend on who does.
 */
export function compileSetFilter(ontology: CompiledOntology, type: string, filter: string): SetFilterOutcome {
  const outcome = compileFilter(ontology, type, filter);
  if (!outcome.ok) {
    return { refused: outcome.faults.map(({ message }) => message) };
  }
  const properties = ontology.objectTypes.get(type)?.properties;
  const hidden = propertiesIn(outcome.condition).filter((property) => properties?.get(property)?.sensitive === true);
  const refused = [...new Set(hidden)].map((property) => `${property} is sensitive and cannot be asked for`);
  return refused.length > 0 ? { refused } : { condition: outcome.condition };
}
