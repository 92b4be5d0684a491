import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { isFinal, type ProposalStatus } from '../ontology/lifecycle.ts';
import { withTenant } from './sql.ts';

const firstLookMs = 8; // An approved change of one object is executed within 20 ms.
const slowdown = 1.5;
const slowestMs = 500; // Somebody who waits for people to decide notices nothing of half a second.

/**
 * Waits until the proposal is in a final state, or until the time is over. Looks at the row itself, less and less often: Temporal would tell only when the workflow
 * has closed, which is later than the commit, and nothing while it is away; a notification from inside the transactions would halve their rate. Locks nothing.
 */
export async function awaitEnd(pool: pg.Pool, tenant: string, proposalId: string, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (let pauseMs = firstLookMs; ; pauseMs = Math.min(slowestMs, pauseMs * slowdown)) {
    const left = deadline - performance.now();
    if (left <= 0) return;
    await sleep(Math.min(pauseMs, left));
    const status = await withTenant(pool, tenant, async (tx) => {
      const [row] = await tx.rows<{ status: ProposalStatus }>('SELECT p.status FROM exequatur.proposal p WHERE p.id = $1::uuid', [
        proposalId,
      ]);
      return row?.status;
    });
    if (status === undefined || isFinal(status)) return;
  }
}
