import { randomUUID } from 'node:crypto';
import { propose } from '../../scripts/rest/carry-proposal.ts';
import { expectGood, type RestClient } from '../../scripts/rest/rest-client.ts';
import type { Subject } from './subject.ts';

/** Who acts: the agent proposes, the person approves and hears of the execution in the same answer. All over HTTP with tokens. */
export interface ProductClients {
  agent: RestClient;
  approver: RestClient;
}

/** Drives the whole product: a proposal of one edit on a counter of its own, one approval, and the execution seen in the API. */
export function productSubject(clients: ProductClients, counters: readonly string[]): Subject {
  let next = 0;
  return {
    name: 'Exequatur over HTTP',
    async run() {
      const counter = counters[next++ % counters.length];
      const from = performance.now();
      const request = { actionType: 'count', parameters: { counter, to: next }, justification: 'benchmark' };
      const proposal = await propose(clients.agent, request, randomUUID());
      if (proposal.status !== 'awaiting_approval') throw new Error(`a proposal is ${proposal.status}: ${JSON.stringify(proposal.failure)}`);
      const proposed = performance.now();
      const review = await clients.approver.post<{ proposal: { status: string } }>(
        `/v1/proposals/${proposal.id}/reviews`,
        { decision: 'approve' },
        { 'if-match': `"${proposal.planDigest}"`, prefer: 'wait=30' },
      );
      const { status } = expectGood(review, 'approving').proposal;
      if (status !== 'executed') throw new Error(`a proposal is ${status} after its approval`);
      const done = performance.now();
      return { propose: proposed - from, approveToExecuted: done - proposed, whole: done - from };
    },
    close: async () => {},
  };
}
