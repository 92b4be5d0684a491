import { compileOntology } from '../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { JsonValue } from '../ontology/json.ts';
import type { RegisteredFunction } from '../ontology/ontology-function.ts';
import { RecentlyUsed } from '../ontology/recently-used.ts';
import type { Sql, Tx } from './sql.ts';

export interface LoadedOntology {
  version: number;
  ontology: CompiledOntology;
}

const maxCompiled = 100; // Versions in use at once over all tenants; a compiled document is a few megabytes at most.

/**
 * Compiled documents by tenant and version. A stored version never changes, so what is cached is never stale; which version is current is asked each time.
 */
export class OntologyCache {
  readonly functions: readonly RegisteredFunction[];
  private readonly compiled = new RecentlyUsed<CompiledOntology>(maxCompiled);

  constructor(functions: readonly RegisteredFunction[]) {
    this.functions = functions;
  }

  /** Null when the tenant has no ontology, or none of that version. */
  async load(tx: Tx, version?: number): Promise<LoadedOntology | null> {
    const wanted = version ?? (await currentVersion(tx));
    if (wanted === null) return null;
    const key = `${tx.tenant}/${wanted}`;
    const known = this.compiled.get(key);
    if (known !== undefined) return { version: wanted, ontology: known };
    const [row] = await tx.rows<{ document: string }>('SELECT o.document FROM exequatur.ontology_version o WHERE o.version = $1::int', [
      wanted,
    ]);
    if (row === undefined) return null;
    const ontology = this.compileAccepted(JSON.parse(row.document) as JsonValue);
    this.compiled.set(key, ontology);
    return { version: wanted, ontology };
  }

  private compileAccepted(document: JsonValue): CompiledOntology {
    const outcome = compileOntology(document, this.functions);
    if (!outcome.ok) throw new Error(`a stored ontology no longer compiles: ${outcome.faults[0]?.message ?? ''}`);
    return outcome.ontology;
  }
}

export async function currentVersion(tx: Sql): Promise<number | null> {
  const [row] = await tx.rows<{ version: number }>('SELECT o.version FROM exequatur.ontology_version o ORDER BY o.version DESC LIMIT 1');
  return row?.version ?? null;
}
