import { setTimeout as sleep } from 'node:timers/promises';
import { isRefusal, type Refusal } from '../store/refusal.ts';
import { type AskedRequest, type AttemptOutcome, readAttempt } from '../store/webhook-requests.ts';
import type { ApiContext } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';

const patienceMs = 20_000; // What an endpoint may take to answer, and a moment for the relay to begin.
const everyMs = 200; // People wait for it, a few at a time.

/** After an attempt was asked for: waits for what comes of it, 200, or says that it is still to come, 202. */
export async function answerAttempt(
  asked: AskedRequest | Refusal,
  caller: AuthenticatedCaller,
  context: ApiContext,
  gone: AbortSignal,
): Promise<{ status: 200 | 202; body: AskedRequest & { outcome: AttemptOutcome | null } } | Refusal> {
  if (isRefusal(asked)) return asked;
  const { id } = asked;
  const until = Date.now() + patienceMs;
  for (;;) {
    const found = await context.readAs(caller, (tx) => readAttempt(tx, id));
    if (isRefusal(found)) return found;
    if (found.outcome !== null || gone.aborted || Date.now() > until)
      return { status: found.outcome === null ? 202 : 200, body: { id, ...found } };
    await context.rest(() => sleep(everyMs, undefined, { signal: gone }).catch(() => {}));
  }
}
