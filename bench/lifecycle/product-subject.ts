import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Proposal } from '../../scripts/rest/proposal.ts';
import { expectGood, type RestClient } from '../../scripts/rest/rest-client.ts';
import type { Subject } from './subject.ts';

/** Who acts: the agent proposes, the person approves, the observer waits for the execution. All over HTTP with tokens. */
export interface ProductClients {
  agent: RestClient;
  approver: RestClient;
}

const pollMs = 2; // Only where an answer came before the end: the wait itself happens in the server.

/** Drives the whole product: a proposal of one edit on a counter of its own, one approval, and the execution seen in the API. */
export function productSubject(clients: ProductClients, counters: readonly string[]): Subject {
  let next = 0;
  return {
    name: 'Exequatur over HTTP',
    async run() {
      const counter = counters[next++ % counters.length];
      const from = performance.now();
      const request = { actionType: 'count', parameters: { counter, to: next }, justification: 'benchmark' };
      const proposal = expectGood(
        await clients.agent.post<Proposal>('/v1/proposals', request, { 'idempotency-key': randomUUID() }),
        'proposing',
      );
      if (proposal.status !== 'awaiting_approval') throw new Error(`a proposal is ${proposal.status}: ${JSON.stringify(proposal.failure)}`);
      const proposed = performance.now();
      const answer = await clients.approver.post(
        `/v1/proposals/${proposal.id}/reviews`,
        { decision: 'approve' },
        { 'if-match': `"${proposal.planDigest}"` },
      );
      expectGood(answer, 'approving');
      await untilExecuted(clients.approver, proposal.id);
      const done = performance.now();
      return { propose: proposed - from, approveToExecuted: done - proposed, whole: done - from };
    },
    close: async () => {},
  };
}

async function untilExecuted(client: RestClient, id: string): Promise<void> {
  for (;;) {
    const proposal = expectGood(await client.get<Proposal>(`/v1/proposals/${id}`, { prefer: 'wait=30' }), 'reading');
    if (proposal.status === 'executed') return;
    if (proposal.status !== 'approved' && proposal.status !== 'executing')
      throw new Error(`a proposal ended as ${proposal.status}: ${JSON.stringify(proposal.failure)}`);
    await delay(pollMs);
  }
}
