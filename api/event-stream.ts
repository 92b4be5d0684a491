import { setTimeout as sleep } from 'node:timers/promises';
import { type Position, positionText } from '../ontology/cloud-event.ts';
import { isWanted, type WantedEvents } from '../ontology/is-wanted.ts';
import { PolicyEngineAway } from '../ontology/policy-engine.ts';
import type { ToldPage } from '../store/event-watch.ts';
import { isOutage } from '../store/is-outage.ts';
import { policyVersionInForce } from '../store/policy-sets.ts';
import { isRefusal, type Refusal } from '../store/refusal.ts';
import { toldProposal, withoutHidden } from '../store/see-events.ts';
import type { ApiContext } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';

const comeBackAfterMs = 1_000; // Told to the reader: long enough that a restart is not met by everybody at once, short enough that nobody waits.
const outagePauseMs = 1_000;

export interface Reader {
  caller: AuthenticatedCaller;
  /** When the reader's token ends, ms since 1970. */
  expiresAt: number;
  filter: WantedEvents;
  after: Position;
  /** The end of it: the reader is gone, or the process is. */
  end: AbortSignal;
}

/**
 * Server-sent events, from a position on. Each piece is made when the one before has been taken, so a slow reader costs nothing but its position. The `id` of an event is
 * its sequence; a heartbeat carries the position that has been read up to, so that a reader whose filter lets little through comes back to where it was. Ends when the
 * token does, soon after the reader may no longer read (whether there are policies to be asked about proposals is looked at as often), or where events were deleted that the reader was too slow for, and says which; outages of the database, and of the
 * engine that policies are asked of, are waited for.
 */
export async function* eventStream(reader: Reader, context: ApiContext): AsyncGenerator<string> {
  const { heartbeatMs, recheckMs } = context.streams.limits;
  let at = reader.after;
  let askAt = 0;
  let asksPolicies = true;
  let beatAt = 0;
  yield `retry: ${comeBackAfterMs}\n`;
  while (!reader.end.aborted) {
    const now = Date.now();
    if (now >= reader.expiresAt) return yield ': the token has expired\n\n';
    if (now >= beatAt) {
      beatAt = now + heartbeatMs;
      yield `: ${new Date(now).toISOString()}\nid: ${positionText(at)}\n\n`;
      continue; // Whoever took long to take it is asked again.
    }
    let page: ToldPage | null;
    try {
      if (now >= askAt) {
        const inForce = await context.readAs(reader.caller, async (tx) => ({ policies: await policyVersionInForce(tx) }));
        if (isRefusal(inForce)) return yield mayNotRead;
        asksPolicies = inForce.policies !== 0;
        askAt = Date.now() + recheckMs;
      }
      const limitMs = Math.min(beatAt, askAt, reader.expiresAt) - Date.now();
      page = await context.events.next({ tenant: reader.caller.tenant, after: at, limitMs, signal: reader.end });
      if (page !== null) page = { ...page, events: page.events.filter(({ event }) => isWanted(event, reader.filter)) };
      if (page !== null && asksPolicies) {
        const seen = await seenOf(page, reader, context);
        if (isRefusal(seen)) return yield mayNotRead;
        page = seen;
      }
    } catch (error) {
      if (!(error instanceof PolicyEngineAway) && !(await isOutage(context.resources.pool, error))) throw error;
      await sleep(outagePauseMs, undefined, { signal: reader.end }).catch(() => {});
      continue;
    }
    if (page === null) return yield ': what comes next is not kept any more\n\n'; // Whoever comes back from here is answered 410.
    at = page.next;
    const text = framesOf(page);
    if (text === '') continue;
    beatAt = Date.now() + heartbeatMs;
    yield text;
  }
}

const mayNotRead = ': the caller may no longer read\n\n';

/** What of a page policies let the reader see. */
async function seenOf(page: ToldPage, { caller }: Reader, context: ApiContext): Promise<ToldPage | Refusal> {
  if (!page.events.some(({ event }) => toldProposal(event) !== null)) return page;
  const told = page.events.map(({ event, text }) => ({ ...event, told: { event, text } }));
  const seen = await context.readAs(caller, async (tx, actor) => ({
    events: await withoutHidden(tx, context.resources.deps, actor, told),
  }));
  return isRefusal(seen) ? seen : { ...page, events: seen.events.map((one) => one.told) };
}

function framesOf({ events }: ToldPage): string {
  let text = '';
  for (const { event, text: data } of events) {
    text += `id: ${event.sequence}\nevent: ${event.type}\ndata: ${data}\n\n`;
  }
  return text;
}
