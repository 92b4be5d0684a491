import { beginning, comparePositions, type Position, parsePosition } from '../../ontology/cloud-event.ts';
import { listEvents as readList } from '../../store/list-events.ts';
import { isKept, readHead, readOldest, readPositionAt } from '../../store/read-events.ts';
import { isRefusal, type Refusal, refuse } from '../../store/refusal.ts';
import { withoutHidden } from '../../store/see-events.ts';
import type { Tx } from '../../store/sql.ts';
import { eventStream } from '../event-stream.ts';
import { type RouteRefusal, route } from '../route.ts';
import { cloudEventsBatch, eventBatchSchema, eventHeaders, eventPageSchema, eventQuery } from '../schemas/event-schema.ts';

const json = 'application/json';
const stream = 'text/event-stream';

export const listEvents = route({
  name: 'listEvents',
  method: 'get',
  path: '/v1/events',
  tag: 'events',
  summary: 'Read or follow events',
  description:
    'Oldest first: as a page; as a batch after CloudEvents, whose next page is in `Link`; or, asked for as `text/event-stream`, from `after` or `Last-Event-ID` on, ' +
    'or else from now on, without an end. With a filter, or where policies keep proposals from the caller, a page may hold fewer events than it could, or none, although there are more: `nextPageToken` says so.',
  permission: 'read',
  request: { query: eventQuery, headers: eventHeaders },
  responses: {
    200: {
      description: 'A page, or the stream.',
      schema: eventPageSchema,
      others: { [cloudEventsBatch]: eventBatchSchema, [stream]: null },
      headers: { link: 'Of a batch: where the next page is.' },
    },
  },
  problems: ['invalid_page_token', 'unknown_position', 'events_not_kept', 'too_many_streams'],
  async handle({ query, headers, caller, expiresAt, prefers, gone }, context) {
    const wanted = prefers([json, cloudEventsBatch, stream]);
    const { after, pageSize, pageToken, ...filter } = query;
    if (wanted === stream) {
      const from = headers.lastEventId ?? after;
      const position = await context.readAs(caller, (tx) => positionOf(tx, caller.tenant, from));
      if (isRefusal(position)) return headers.lastEventId === undefined ? position : { ...position, ...inLastEventId(position) };
      const end = context.streams.enter(caller.tenant, gone);
      if (end === null) return refuse('too_many_streams');
      context.events.attend(caller.tenant, gone);
      return {
        status: 200,
        mediaType: stream,
        stream: eventStream({ caller, expiresAt, filter, after: position, end }, context),
        patienceMs: context.streams.limits.patienceMs,
        headers: { 'x-accel-buffering': 'no' }, // A proxy that gathers what it passes on would hold events back.
      };
    }
    const list = await context.readAs(caller, async (tx, actor) => {
      const position = after === undefined ? beginning : await positionOf(tx, caller.tenant, after);
      const page = isRefusal(position) ? position : await readList(tx, caller.tenant, { ...query, after: position });
      return isRefusal(page) ? page : { ...page, events: await withoutHidden(tx, context.resources.deps, actor, page.events) };
    });
    if (isRefusal(list)) return list;
    if (wanted === json) return { status: 200, body: list };
    const next = list.nextPageToken === null ? {} : { link: `<${nextPage(query, list.nextPageToken)}>; rel="next"` };
    return { status: 200, body: JSON.stringify(list.events), mediaType: cloudEventsBatch, headers: next };
  },
});

function inLastEventId({ faults = [] }: Refusal): Pick<RouteRefusal, 'faults' | 'place'> {
  return { place: 'header', faults: faults.map((fault) => ({ ...fault, pointer: '/Last-Event-ID' })) };
}

/** Behind what is named; a time, a sequence, or nothing, which is now. A position that the log has not come to is of another log, or of one that was rolled back. */
async function positionOf(tx: Tx, tenant: string, from: string | undefined): Promise<Position | Refusal> {
  const head = await readHead(tx, tenant);
  if (from === undefined) return head;
  const position = parsePosition(from) ?? (await readPositionAt(tx, tenant, from));
  if (comparePositions(position, head) > 0)
    return refuse('unknown_position', [{ code: 'unknown_position', pointer: '/after', message: 'lies behind the end of the log' }]);
  if (comparePositions(position, beginning) === 0) return readOldest(tx, tenant);
  return (await isKept(tx, tenant, position)) ? position : refuse('events_not_kept');
}

function nextPage(query: Record<string, unknown>, pageToken: string): string {
  const asked = Object.entries({ ...query, pageToken }).map(([name, value]): [string, string] => [name, String(value)]);
  return `/v1/events?${new URLSearchParams(asked)}`;
}
