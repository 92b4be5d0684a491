import type { ProposalRow } from './proposal-row.ts';
import type { Sql } from './sql.ts';

/** The name under which a read set notes which ontology version a revert was fitted to. No type can have it: names of types are identifiers. */
export const ontologyCounter = '$ontology';

/**
 * Whether the definitions that a proposal's plan was made from are still those in force. An action type's version rises only when its own meaning, its policy, or what
 * it touches changes, so an unrelated upload takes nothing out of force. A revert carries its original's action type; its plan was fitted to the ontology as a whole,
 * so after any upload it is fitted again, which for an equal plan keeps its approvals. MUST be asked with the definitions locked where an execution depends on it.
 */
export async function areDefinitionsInForce(tx: Sql, proposal: ProposalRow): Promise<boolean> {
  const [row] =
    proposal.revertOf === null
      ? await tx.rows<{ holds: boolean }>(
          'SELECT NOT a.retired AND a.current_version = $2::int AS holds FROM exequatur.action_type a WHERE a.name = $1',
          [proposal.actionType, proposal.actionTypeVersion],
        )
      : await tx.rows<{ holds: boolean }>(
          `SELECT (r.counters ->> '${ontologyCounter}')::int = (SELECT max(o.version) FROM exequatur.ontology_version o) AS holds
             FROM exequatur.read_set r WHERE r.plan_id = $1::uuid ORDER BY r.simulation DESC LIMIT 1`,
          [proposal.planId],
        );
  return row?.holds ?? false;
}
