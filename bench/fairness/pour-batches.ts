import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadedTenant } from '../load/act-lifecycle.ts';

export interface Poured {
  batches: number;
  accepted: number;
  /** Batches that were turned away, which are sent again. */
  turned: number;
}

interface BatchAnswer {
  accepted: number;
}

/** Sends one batch after another of so many actions, at most so many and for so long, each as soon as the one before was answered. */
export async function pourBatches(
  { clients, next }: LoadedTenant,
  { actionType, size, batches, forMs }: { actionType: string; size: number; batches: number; forMs: number },
  poured: Poured,
): Promise<void> {
  const until = performance.now() + forMs;
  const from = poured.batches;
  while (performance.now() < until && poured.batches - from < batches) {
    const proposals = Array.from({ length: size }, () => ({ actionType, parameters: next(), justification: 'load' }));
    const answer = await clients.agent.post<BatchAnswer>('/v1/proposals:batch', { proposals }, { 'idempotency-key': randomUUID() });
    if (answer.status === 429 || answer.status === 503) {
      poured.turned++;
      await delay((answer.retryAfter ?? 1) * 1_000);
    } else {
      if (answer.status !== 200) throw new Error(`a batch was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      poured.batches++;
      poured.accepted += answer.body.accepted;
    }
  }
}
