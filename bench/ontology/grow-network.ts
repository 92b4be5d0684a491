import { type FlightRow, loadNetwork, type NetworkBatch } from '../../examples/flight-network/load-network.ts';

/** The airport whose closing is measured, the largest of the data set. */
export const largestAirport = 'ORD';

/** At every size, so that a closure makes the same plan in a small tenant and in a large one. */
const flightsOfLargest = 600;

const day = 24 * 60 * 60 * 1000;

/**
 * A network of `objects` objects, always the same: every airport, the routes and `flightsOfLargest` flights of the largest one, and the flights of the others,
 * repeated day after day until there are enough. Batches come in an order in which airports are before what refers to them.
 */
export function* growNetwork(objects: number, batchSize: number): Generator<NetworkBatch> {
  const network = loadNetwork();
  const airports = network.flatMap(({ parameters }) => parameters.airports ?? []);
  const routes = network.flatMap(({ parameters }) => parameters.routes ?? []).filter(isOfLargest);
  const rows = network.flatMap(({ parameters }) => parameters.flights ?? []);
  const largest = rows.filter(isOfLargest).slice(0, flightsOfLargest);
  const others = rows.filter((row) => !isOfLargest(row));
  yield { title: 'airports and routes', objects: airports.length + routes.length, parameters: { airports, routes } };
  const flights = objects - airports.length - routes.length;
  if (flights < largest.length) throw new Error(`a network has at least ${objects - flights + largest.length} objects`);
  for (let from = 0; from < flights; from += batchSize) {
    const batch = Array.from({ length: Math.min(batchSize, flights - from) }, (_, at) => flightAt(from + at, largest, others));
    yield { title: 'flights', objects: batch.length, parameters: { flights: batch } };
  }
}

function isOfLargest({ origin, destination }: { origin: string; destination: string }): boolean {
  return origin === largestAirport || destination === largestAirport;
}

/** Numbers are from 1, so that the flight of any number is known to be there. */
export const flightNumber = (number: number): string => String(number).padStart(7, '0');

function flightAt(at: number, largest: readonly FlightRow[], others: readonly FlightRow[]): FlightRow {
  const repeated = Math.max(0, at - largest.length);
  const row = largest[at] ?? (others[repeated % others.length] as FlightRow);
  const later = Math.floor(repeated / others.length) * day;
  return { ...row, number: flightNumber(at + 1), scheduledAt: new Date(Date.parse(row.scheduledAt) + later).toISOString() };
}
