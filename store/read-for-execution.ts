import type { Actor } from '../ontology/authority.ts';
import { definitionsHold } from './definitions-in-force.ts';
import { policyVersion } from './policy-sets.ts';
import type { Sql } from './sql.ts';
import { actorJson } from './standing.ts';
import { noObstacles, type Obstacles, obstacles } from './switches.ts';

/** What an execution goes by beside the approvals. */
export interface Circumstances extends Obstacles {
  /** Whether the definitions that the plan was made from are those in force. */
  inForce: boolean;
  /** Of the policies in force. */
  policyVersion: number;
  /** With standing as it is now; null where the directory does not know the proposer. */
  proposer: Actor | null;
}

const select = `SELECT ${obstacles.columns}, coalesce(${definitionsHold}, false) AS "inForce",
       ${policyVersion} AS "policyVersion",
       (SELECT ${actorJson('w')} FROM exequatur.principal w WHERE w.tenant_id = p.tenant_id AND w.id = p.proposer_id) AS proposer
  FROM exequatur.proposal p ${obstacles.joins('p')} WHERE p.id = $1::uuid`;

/** MUST be sent after the definitions and the tenant's control row are locked: then what this says holds until the commit. */
export async function readForExecution(tx: Sql, proposalId: string): Promise<Circumstances> {
  const [row] = await tx.rows<Circumstances & Record<string, unknown>>(select, [proposalId]);
  return row ?? { ...noObstacles, inForce: false, policyVersion: 0, proposer: null };
}
