import type { OntologyObject } from '../rest/proposal.ts';
import { expectGood } from '../rest/rest-client.ts';
import type { Cast } from './cast.ts';
import { heading, show, table, text } from './page.ts';

interface Sample {
  type: string;
  id: string;
}

interface ObjectPage {
  objects: OntologyObject[];
}

interface HistoryPage {
  history: { version: number; op: string; at: string; set: Record<string, unknown> | null; actionType: string; proposalId: string }[];
}

/** The airport, and one of each kind of thing that hangs on it, found by walking its links. */
export async function findSamples({ dispatcher }: Cast): Promise<Sample[]> {
  const samples: Sample[] = [{ type: 'airport', id: 'ORD' }];
  for (const link of ['routesFrom', 'departures']) {
    const page = expectGood(await dispatcher.get<ObjectPage>(`/v1/objects/airport/ORD/links/${link}?pageSize=1`), `Walking ${link}`);
    const object = page.objects[0];
    if (object) samples.push({ type: object.type, id: object.id });
  }
  return samples;
}

export async function showObjects({ dispatcher }: Cast, samples: readonly Sample[], title: string): Promise<void> {
  heading(title);
  const rows: (string | number)[][] = [['object', 'version', 'what is so now']];
  for (const { type, id } of samples) {
    const { version, properties } = expectGood(await dispatcher.get<OntologyObject>(`/v1/objects/${type}/${id}`), `Reading ${type} ${id}`);
    rows.push([`${type} ${id}`, version, inWords(type, properties)]);
  }
  table(rows);
}

/** A route is suspended, and a flight cancelled, while any airport closes it. */
function inWords(type: string, properties: Record<string, unknown>): string {
  if (type === 'airport') return `${properties.status}${properties.closureReason ? `: ${properties.closureReason}` : ''}`;
  const closedBy = properties.closedBy as string[] | undefined;
  if (!closedBy?.length) return 'operating';
  return `${type === 'route' ? 'suspended' : 'cancelled'}, closed by ${closedBy.join(', ')}`;
}

export async function showHistory({ dispatcher }: Cast, { type, id }: Sample): Promise<void> {
  heading(`The history of ${type} ${id}`);
  const { history } = expectGood(await dispatcher.get<HistoryPage>(`/v1/objects/${type}/${id}/history`), 'Reading the history');
  table([
    ['version', 'what', 'at', 'by', 'of proposal', 'set'],
    ...history.map(({ version, op, at, set, actionType, proposalId }) => [
      version,
      op,
      at,
      actionType,
      `${proposalId.slice(0, 8)}…`,
      show(set),
    ]),
  ]);
}

export async function showOtherTenant({ stranger }: Cast, samples: readonly Sample[], otherName: string): Promise<void> {
  heading(`The same objects, asked for by ${otherName}`);
  const rows: string[][] = [['asked for', 'answer']];
  // Its own ORD is another object of that name, so it is asked for what it has no namesake of.
  for (const { type, id } of samples.filter((sample) => sample.type !== 'airport')) {
    const { status } = await stranger.get<OntologyObject>(`/v1/objects/${type}/${id}`);
    if (status !== 404) throw new Error(`Another tenant was answered ${status} for ${type} ${id}`);
    rows.push([`${type} ${id}`, `${status} nothing of that name`]);
  }
  const { objects } = expectGood(await stranger.get<ObjectPage>('/v1/objects/flight'), 'Listing as the other tenant');
  if (objects.length > 0) throw new Error('Another tenant sees flights');
  rows.push(['all flights', '200 an empty list']);
  table(rows);
  text('Same API, same tables, same definitions: the database shows each tenant its own rows alone.');
}
