import type { EventData } from './apply-event.ts';
import type { RecordedEvent } from './event-of.ts';

/** How the engine is asked. */
export interface Access {
  apiUrl: string | undefined;
  /** By tenant: what a token may read is its tenant's. */
  tokens: Readonly<Record<string, string>>;
}

/** The data cannot be had, now or later. Whoever went on without them would have copies that are wrong, and nobody would notice. */
export class DataMissing extends Error {}

const patienceMs = 10_000; // Well below the time after which Kafka takes a consumer for dead.

/**
 * Reads the data of an event whose record had no room for them, where it says that they are.
 * @throws DataMissing; anything else where it may be asked again.
 */
export async function readData(event: RecordedEvent, { apiUrl, tokens }: Access): Promise<EventData> {
  const { id, source, tenant, dataref } = event;
  const token = tokens[tenant];
  if (dataref === null) throw new DataMissing(`event ${id} has no data, and does not say where they are`);
  if (apiUrl === undefined || token === undefined)
    throw new DataMissing(
      `event ${id} is at ${dataref}; it is not known whom to ask (API_URL), or with which token of tenant ${tenant} (API_TOKENS)`,
    );
  const place = new URL(dataref, apiUrl);
  if (place.origin !== new URL(apiUrl).origin) throw new DataMissing(`event ${id} is elsewhere, where the token is not sent: ${place}`);
  const answer = await fetch(place, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(patienceMs) });
  if (answer.status === 429 || answer.status >= 500) throw new Error(`${place} was answered ${answer.status}`);
  if (!answer.ok) throw new DataMissing(`event ${id} cannot be read at ${place}: ${answer.status} ${await answer.text()}`);
  const told = (await answer.json()) as { id: string; source: string; data?: EventData };
  // Places are counted for each tenant: with a token of another it would be another event.
  if (told.id !== id || told.source !== source || told.data === undefined)
    throw new DataMissing(`at ${place} there is another event than ${id}`);
  return told.data;
}
