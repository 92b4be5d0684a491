import { setTimeout as delay } from 'node:timers/promises';
import type { Proposal } from './proposal.ts';
import { type Answer, expectGood, type RestClient } from './rest-client.ts';

const pollMs = 25; // Execution takes some 30 ms; an unhurried poll would be most of what one sees.
const patienceMs = 120_000; // A batch of 10,000 creations on a busy two-core machine takes seconds.
const settled = ['executed', 'failed', 'invalid', 'rejected', 'expired', 'withdrawn', 'needs_attention'];

/** Proposes and waits until it is simulated, also when the server answered 202 because simulation takes longer. */
export async function propose(
  client: RestClient,
  request: { actionType: string; parameters: unknown; justification: string },
  idempotencyKey: string,
): Promise<Proposal> {
  const answer = await client.post<Proposal>('/v1/proposals', request, { 'idempotency-key': idempotencyKey });
  const proposal = expectGood(answer, `Proposing ${request.actionType}`);
  return proposal.status === 'simulating' ? until(client, proposal.id, (status) => status !== 'simulating') : proposal;
}

export function review(
  client: RestClient,
  proposal: Pick<Proposal, 'id' | 'planDigest'>,
  decision: 'approve' | 'reject',
  reason: string,
): Promise<Answer<unknown>> {
  return client.post(`/v1/proposals/${proposal.id}/reviews`, { decision, reason }, { 'if-match': `"${proposal.planDigest}"` });
}

/** Waits until the proposal was executed; any other end is an error. */
export async function untilExecuted(client: RestClient, id: string): Promise<Proposal> {
  const proposal = await until(client, id, (status) => settled.includes(status));
  if (proposal.status !== 'executed') throw new Error(`Proposal ${id} is ${proposal.status}: ${JSON.stringify(proposal.failure)}`);
  return proposal;
}

export async function until(client: RestClient, id: string, reached: (status: string) => boolean): Promise<Proposal> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const proposal = expectGood(await client.get<Proposal>(`/v1/proposals/${id}`), `Reading proposal ${id}`);
    if (reached(proposal.status)) return proposal;
    if (Date.now() > deadline) throw new Error(`Proposal ${id} is still ${proposal.status} after ${patienceMs / 1000} s`);
    await delay(pollMs);
  }
}

/** What an answer says of a change of what governs. */
interface SettingAnswer {
  proposal: { id: string } | null;
}

/** Has a change of what governs approved where it waits for that, and waits until it is in force. */
export async function untilInForce(answer: Answer<SettingAnswer>, approver: RestClient, what: string): Promise<string | null> {
  const { proposal } = expectGood(answer, what);
  if (proposal === null) return null;
  const planned = await until(approver, proposal.id, (status) => status !== 'simulating');
  if (planned.status === 'awaiting_approval') expectGood(await review(approver, planned, 'approve', what), `approving: ${what}`);
  return (await untilExecuted(approver, proposal.id)).id;
}
