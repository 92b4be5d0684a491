import { lockDefinitionsAlone } from './definitions-lock.ts';
import type { Sql } from './sql.ts';

/**
 * Waits for executions that have begun and keeps others waiting until this transaction ends: what it writes about whether something may be executed holds with its answer.
 * Row locks let those who share one overtake whoever wants it alone; the lock on the definitions does not, so nobody is kept waiting by a stream of executions.
 */
export async function stopExecutions(tx: Sql): Promise<void> {
  await tx.rows(`SELECT 1 FROM ${lockDefinitionsAlone}`);
  await tx.rows('SELECT 1 FROM exequatur.tenant_control c FOR UPDATE');
}
