import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import { definitionRows } from './definition-rows.ts';
import type { Sql } from './sql.ts';

/**
 * Writes a document and the definitions that the database itself reads, in the upload's transaction, and returns the version. A dry one writes the versions of action types
 * and leaves the types, of which only the door asks.
 */
export async function keepDefinitions(
  tx: Sql,
  before: CompiledOntology | null,
  after: CompiledOntology,
  { author, dry }: { author: string; dry: boolean },
): Promise<number> {
  const [row] = await tx.rows<{ version: number }>('SELECT exequatur.keep_definitions($1::jsonb, $2, $3::boolean)::int AS version', [
    JSON.stringify(definitionRows(before, after)),
    author,
    dry,
  ]);
  if (row === undefined) throw new Error('the definitions were not kept');
  return row.version;
}
