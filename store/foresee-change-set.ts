import { actionTypeIn, isChangeSetName, membersOf } from '../ontology/change-set.ts';
import type { FoundAction } from './create-proposal.ts';
import { isoTime } from './proposal-row.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/**
 * What a change set of this name is as a whole, under the version that it has, or would get from `combine_actions` if it were proposed now; which stores nothing. Null where one
 * of its actions is not in force.
 */
export async function foreseeChangeSet(tx: Tx, name: string, deps: Pick<StoreDeps, 'ontologies'>): Promise<FoundAction | null> {
  if (!isChangeSetName(name)) return null;
  const members = membersOf(name);
  const [row] = await tx.rows<{ version: number; ontologyVersion: number; now: string }>(
    `WITH meant AS (
       SELECT jsonb_build_object('format', 2, 'members', jsonb_object_agg(a.name, a.current_version))::text AS definition
         FROM exequatur.action_type a WHERE a.name = ANY ($2::text[]) AND NOT a.retired AND NOT exequatur.governs(a.name) HAVING count(*) = cardinality($2::text[]))
     SELECT CASE WHEN known.definition = meant.definition THEN known.version ELSE coalesce(known.version, 0) + 1 END AS version,
            (SELECT max(o.version) FROM exequatur.ontology_version o)::int AS "ontologyVersion", ${isoTime('exequatur.clock()')} AS now
       FROM meant LEFT JOIN LATERAL (
            SELECT v.version, v.definition FROM exequatur.action_type_version v WHERE v.name = $1 ORDER BY v.version DESC LIMIT 1) known ON true`,
    [name, members],
  );
  if (row === undefined) return null;
  const loaded = await deps.ontologies.load(tx, row.ontologyVersion);
  const type = loaded && actionTypeIn(loaded.ontology, name);
  if (!loaded || !type) return null;
  return { type, version: row.version, ontologyVersion: loaded.version, ontology: loaded.ontology, now: row.now };
}
