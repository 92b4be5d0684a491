import type { Proposal } from '../rest/proposal.ts';
import { expectGood, type RestClient } from '../rest/rest-client.ts';
import { table } from './page.ts';

interface Decision {
  action: string;
  outcome: string;
  explanation: string;
}

/** Why a proposal went as it did: each decision on it, in words. */
export async function explain(client: RestClient, { id }: Pick<Proposal, 'id'>): Promise<void> {
  const { decisions } = expectGood(await client.get<{ decisions: Decision[] }>(`/v1/proposals/${id}/decisions`), 'Asking why');
  table([['decision', 'outcome', 'why'], ...decisions.map(({ action, outcome, explanation }) => [action, outcome, explanation])]);
}
