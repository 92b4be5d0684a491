import { expectGood, type RestClient } from '../../scripts/rest/rest-client.ts';
import { flightNumber, largestAirport } from './grow-network.ts';

/** One question to one tenant over HTTP; what it answers is checked, so that an error is not taken for speed. */
export interface Operation {
  name: string;
  /** How many are asked in one round. */
  repeats: number;
  ask(turn: number): Promise<void>;
}

interface Page {
  objects: { id: string }[];
  nextPageToken: string | null;
}

const pageSize = 5; // The smallest tenant then has a page 1,000.
export const knownFlights = 5_000; // Every size has these.
const path = '/v1/objects/flight';

export async function readOperations(reader: RestClient, agent: RestClient): Promise<Operation[]> {
  const list = (query: Record<string, string>) =>
    reader.get<Page>(`${path}?${new URLSearchParams({ pageSize: String(pageSize), ...query })}`);
  const page = (name: string, query: Record<string, string>, repeats = 20): Operation => ({
    name,
    repeats,
    async ask() {
      if (expectGood(await list(query), name).objects.length !== pageSize) throw new Error(`${name} is not full`);
    },
  });
  const far = async (orderBy: string) => ({ orderBy, pageToken: await tokenOfPage(list, orderBy, 1_000) });
  const anyFlight = (turn: number) => flightNumber(1 + ((turn * 7_919) % knownFlights));
  return [
    {
      name: 'get one object',
      repeats: 50,
      ask: async (turn) => void expectGood(await reader.get(`${path}/${anyFlight(turn)}`), 'reading a flight'),
    },
    {
      name: 'history of one object',
      repeats: 50,
      ask: async (turn) => void expectGood(await reader.get(`${path}/${anyFlight(turn)}/history`), 'reading a history'),
    },
    page('filter on an indexed property', { filter: `origin == "${largestAirport}"` }),
    page('page 1 by id', { orderBy: 'id' }),
    page('page 1,000 by id', await far('id')),
    page('page 1 by an indexed property', { orderBy: 'delay' }, 5),
    page('page 1,000 by an indexed property', await far('delay'), 5),
    ...[10, 100, 1_000].map(
      (count): Operation => ({
        name: `simulate delaying ${count.toLocaleString('en')} flights`,
        repeats: 2,
        async ask() {
          const flights = Array.from({ length: count }, (_, at) => flightNumber(1 + at));
          const request = { parameters: { flights, minutes: 5, reason: 'benchmark' } };
          expectGood(await agent.post('/v1/action-types/delayFlights/simulate', request), 'simulating');
        },
      }),
    ),
    {
      name: 'simulate closing the largest airport',
      repeats: 2,
      async ask() {
        const request = { parameters: { airport: largestAirport, reason: 'benchmark' } };
        expectGood(await agent.post('/v1/action-types/closeAirport/simulate', request), 'simulating');
      },
    },
  ];
}

/** Pages are asked for in larger ones, since a token goes with the query and not with the size. */
async function tokenOfPage(
  list: (query: Record<string, string>) => Promise<Awaited<ReturnType<RestClient['get']>>>,
  orderBy: string,
  number: number,
): Promise<string> {
  let token: string | null = null;
  for (let left = (number - 1) * pageSize; left > 0; left -= 999) {
    const query: Record<string, string> = {
      orderBy,
      pageSize: String(Math.min(left, 999)),
      ...(token === null ? {} : { pageToken: token }),
    };
    token = (expectGood(await list(query), 'walking pages') as Page).nextPageToken;
    if (token === null) throw new Error(`there is no page ${number}`);
  }
  return token ?? '';
}
