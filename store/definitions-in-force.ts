import type { Sql } from './sql.ts';

/** The name under which a read set notes which ontology version a revert was fitted to. No type can have it: names of types are identifiers. */
export const ontologyCounter = '$ontology';

/**
 * Whether the definitions that a proposal's plan was made from are still those in force. An action type's version rises only when its own meaning, its policy, or what
 * it touches changes, so an unrelated upload takes nothing out of force; and a version whose successors say `keepVersion` stays in force for what was proposed with it,
 * while the types it touches mean the same. A revert carries its original's action type; its plan was fitted to the ontology as a whole,
 * so after any upload it is fitted again, which for an equal plan keeps its approvals. MUST be asked with the definitions locked where an execution depends on it.
 */
export async function areDefinitionsInForce(tx: Sql, proposalId: string): Promise<boolean> {
  const [row] = await tx.rows<{ holds: boolean }>(`SELECT ${definitionsHold} AS holds FROM exequatur.proposal p WHERE p.id = $1::uuid`, [
    proposalId,
  ]);
  return row?.holds ?? false;
}

/** SQL for the same of a proposal row `p`; null is no. */
export const definitionsHold = `CASE WHEN p.revert_of IS NULL
  THEN exequatur.in_force(p.action_type, p.action_type_version)
  ELSE (SELECT (r.counters ->> '${ontologyCounter}')::int = (SELECT max(o.version) FROM exequatur.ontology_version o WHERE o.tenant_id = p.tenant_id)
          FROM exequatur.read_set r WHERE r.tenant_id = p.tenant_id AND r.plan_id = p.plan_id ORDER BY r.simulation DESC LIMIT 1) END`;
