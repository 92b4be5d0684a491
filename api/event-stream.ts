import { setTimeout as sleep } from 'node:timers/promises';
import { type Position, positionText } from '../ontology/cloud-event.ts';
import { isWanted, type WantedEvents } from '../ontology/is-wanted.ts';
import type { ToldPage } from '../store/event-watch.ts';
import { isOutage } from '../store/is-outage.ts';
import { isRefusal } from '../store/refusal.ts';
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
 * token does, soon after the reader may no longer read, or where events were deleted that the reader was too slow for, and says which; outages of the database are waited
 * for.
 */
export async function* eventStream(reader: Reader, context: ApiContext): AsyncGenerator<string> {
  const { heartbeatMs, recheckMs } = context.streams.limits;
  let at = reader.after;
  let askAt = Date.now() + recheckMs;
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
        if (isRefusal(await context.showAs(reader.caller, () => ({})))) return yield ': the caller may no longer read\n\n';
        askAt = Date.now() + recheckMs;
      }
      const limitMs = Math.min(beatAt, askAt, reader.expiresAt) - Date.now();
      page = await context.events.next({ tenant: reader.caller.tenant, after: at, limitMs, signal: reader.end });
    } catch (error) {
      if (!(await isOutage(context.resources.pool, error))) throw error;
      await sleep(outagePauseMs, undefined, { signal: reader.end }).catch(() => {});
      continue;
    }
    if (page === null) return yield ': what comes next is not kept any more\n\n'; // Whoever comes back from here is answered 410.
    at = page.next;
    const text = framesOf(page, reader.filter);
    if (text === '') continue;
    beatAt = Date.now() + heartbeatMs;
    yield text;
  }
}

function framesOf({ events }: ToldPage, filter: WantedEvents): string {
  let text = '';
  for (const { event, text: data } of events) {
    if (isWanted(event, filter)) text += `id: ${event.sequence}\nevent: ${event.type}\ndata: ${data}\n\n`;
  }
  return text;
}
