import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Proposal } from '../../scripts/rest/proposal.ts';
import { type Answer, expectGood } from '../../scripts/rest/rest-client.ts';
import type { ProductClients } from '../lifecycle/product-subject.ts';
import { noteBroken, noteTurned, type Tally } from './tally.ts';

/** One tenant's people and the counters that they count up. */
export interface LoadedTenant {
  readonly clients: ProductClients;
  /** Each lifecycle takes the next, so that no two are at one object at the same time, and a value that it has not had. */
  next(): { counter: string; to: number };
}

const patienceMs = 10 * 60_000; // An accepted proposal that is not executed by then is lost for whoever waits for it.
const isTurned = (status: number): boolean => status === 429 || status === 503;

/**
 * A whole lifecycle: proposed, approved, executed. A proposal that is turned away is not sent again, as of a user who gives up; whatever concerns an accepted one is, after
 * the time that the answer names.
 */
export async function actLifecycle({ clients, next }: LoadedTenant, meantAt: number, tally: Tally, actionType = 'count'): Promise<void> {
  tally.arrived++;
  const request = { actionType, parameters: next(), justification: 'load' };
  const key = randomUUID();
  const propose = () => clients.agent.post<Proposal>('/v1/proposals', request, { 'idempotency-key': key });
  try {
    const first = await propose();
    if (isTurned(first.status)) return noteTurned(tally, 'proposals', first.status, first.retryAfter);
    const accepted = expectGood(first, 'proposing');
    tally.accepted.push(accepted.id);
    // The same request again makes no second proposal, but waits for the first.
    const proposal = await insist(tally, accepted, propose, ({ status }) => status !== 'simulating');
    const proposedAt = performance.now();
    tally.propose.push(proposedAt - meantAt);
    await approve(clients, proposal, tally);
    const executedAt = performance.now();
    tally.approveToExecuted.push(executedAt - proposedAt);
    tally.whole.push(executedAt - meantAt);
  } catch (error) {
    noteBroken(tally, error instanceof Error ? `${error.message}${error.cause ? `: ${error.cause}` : ''}` : String(error));
  }
}

async function approve({ approver }: ProductClients, { id, status, planDigest }: Proposal, tally: Tally): Promise<void> {
  if (status !== 'awaiting_approval') throw new Error(`a proposal is ${status} after its simulation`);
  const headers = { 'if-match': `"${planDigest}"`, prefer: 'wait=30' };
  const review = await insist(
    tally,
    undefined,
    () => approver.post<{ proposal: { status: string } }>(`/v1/proposals/${id}/reviews`, { decision: 'approve' }, headers),
    () => true,
  );
  const end = await insist(
    tally,
    review.proposal,
    () => approver.get<{ status: string }>(`/v1/proposals/${id}`, { prefer: 'wait=30' }),
    (at) => !['approved', 'executing'].includes(at.status),
  );
  if (end.status !== 'executed') throw new Error(`a proposal is ${end.status} after its approval`);
}

/** Asks until the answer is what is awaited; where it is turned away, after the time that the answer names. */
async function insist<T>(tally: Tally, known: T | undefined, ask: () => Promise<Answer<T>>, isThere: (at: T) => boolean): Promise<T> {
  const deadline = performance.now() + patienceMs;
  let at = known;
  while (at === undefined || !isThere(at)) {
    if (performance.now() > deadline) throw new Error('what was accepted came to no end');
    const answer = await ask();
    if (isTurned(answer.status)) {
      noteTurned(tally, 'later', answer.status, answer.retryAfter);
      await delay((answer.retryAfter ?? 1) * 1_000);
    } else {
      at = expectGood(answer, 'asking again');
    }
  }
  return at;
}
