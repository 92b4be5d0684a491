import { randomUUID } from 'node:crypto';
import { flightNetwork } from '../../examples/flight-network/ontology.ts';
import type { OntologyDocument } from '../../ontology/definition.ts';
import { tokenOf } from '../../scripts/dev/load-network.ts';
import { propose } from '../../scripts/rest/carry-proposal.ts';
import type { Proposal } from '../../scripts/rest/proposal.ts';
import { expectGood, restClient } from '../../scripts/rest/rest-client.ts';
import type { StackTenant } from '../../scripts/stack/tenants.ts';
import { flightNumber } from './grow-network.ts';

/** The flight network with a many-to-many link, which it lacks: from a flight to those that wait for its passengers. */
export const connectedNetwork: OntologyDocument = {
  ...flightNetwork,
  linkTypes: { ...flightNetwork.linkTypes, connections: { from: 'flight', to: 'flight', cardinality: 'many-to-many' } },
  actionTypes: {
    ...flightNetwork.actionTypes,
    connectFlights: {
      parameters: {
        pairs: {
          type: 'array',
          required: true,
          maxItems: 10_000,
          items: { type: 'struct', properties: { from: { type: 'string', required: true }, to: { type: 'string', required: true } } },
        },
      },
      rules: [
        {
          rule: 'forEach',
          as: 'pair',
          in: { list: 'pairs' },
          do: [{ rule: 'link', link: 'connections', from: 'pair.from', to: 'pair.to' }],
        },
      ],
      approvalPolicy: 'second-admin',
    },
  },
};

export interface Connected {
  rows: number;
  seconds: number;
}

const batchSize = 10_000;

/** Links flights to later ones, `rows` in all, through plans as any user would. Returns how long it took from the first request to the last commit. */
export async function connectFlights(apiUrl: string, tenant: StackTenant, flights: number, rows: number): Promise<Connected> {
  const proposer = restClient(apiUrl, tokenOf(tenant, 'ontology-admin-1'));
  const approver = restClient(apiUrl, tokenOf(tenant, 'ontology-admin-2'));
  const from = performance.now();
  for (let done = 0; done < rows; done += batchSize) {
    const pairs = Array.from({ length: Math.min(batchSize, rows - done) }, (_, at) => {
      const [number, turn] = [(done + at) % flights, Math.floor((done + at) / flights)];
      return { from: flightNumber(1 + number), to: flightNumber(1 + ((number + 17 + turn) % flights)) };
    });
    const proposal = await propose(
      proposer,
      { actionType: 'connectFlights', parameters: { pairs }, justification: 'benchmark' },
      randomUUID(),
    );
    const reviewed = await approver.post<{ proposal: Proposal }>(
      `/v1/proposals/${proposal.id}/reviews`,
      { decision: 'approve', reason: 'benchmark' },
      { 'if-match': `"${proposal.planDigest}"`, prefer: 'wait=60' },
    );
    const { status } = expectGood(reviewed, 'approving links').proposal;
    if (status !== 'executed') throw new Error(`a batch of links is ${status}`);
  }
  return { rows, seconds: (performance.now() - from) / 1000 };
}
