import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** One proposal of `importNetwork`. */
export interface NetworkBatch {
  title: string;
  /** How many objects it creates. */
  objects: number;
  parameters: { airports?: AirportRow[]; routes?: RouteRow[]; flights?: FlightRow[] };
}

export interface AirportRow {
  iata: string;
  name: string;
  city?: string;
  state?: string;
  country: string;
  latitude: number;
  longitude: number;
}

export interface RouteRow {
  origin: string;
  destination: string;
  flightCount: number;
}

export interface FlightRow {
  number: string;
  origin: string;
  destination: string;
  scheduledAt: string;
  delay: number;
  distance: number;
}

/** What `importNetwork` allows in one plan. */
const batchSize = 10_000;

/** The network of the vega-datasets package as proposals, in an order in which each can be executed before the next is made: airports first. */
export function loadNetwork(folder: string = dataFolder()): NetworkBatch[] {
  const airports = readAirports(folder);
  const routes = readRoutes(folder);
  const flights = readFlights(folder);
  return [
    ...batchesOf(airports).map((rows) => ({ title: 'airports', objects: rows.length, parameters: { airports: rows } })),
    ...batchesOf(routes).map((rows) => ({ title: 'routes', objects: rows.length, parameters: { routes: rows } })),
    ...batchesOf(flights).map((rows) => ({ title: 'flights', objects: rows.length, parameters: { flights: rows } })),
  ];
}

function dataFolder(): string {
  const require = createRequire(import.meta.url);
  const found = require.resolve.paths('vega-datasets')?.map((path) => join(path, 'vega-datasets')) ?? [];
  for (const path of found) {
    try {
      return join(dirname(require.resolve(join(path, 'package.json'))), 'data');
    } catch {
      // Not installed there; the next folder up may have it.
    }
  }
  throw new Error('the vega-datasets package is not installed');
}

function batchesOf<T>(rows: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(rows.length / batchSize) }, (_, at) => rows.slice(at * batchSize, (at + 1) * batchSize));
}

/** The file writes NA for what it does not know: the city and state of a dozen airports. */
function readAirports(folder: string): AirportRow[] {
  return readCsv(join(folder, 'airports.csv')).map((row) => ({
    iata: row.iata as string,
    name: row.name as string,
    ...(row.city === 'NA' ? {} : { city: row.city as string }),
    ...(row.state === 'NA' ? {} : { state: row.state as string }),
    country: row.country as string,
    latitude: Number(row.latitude),
    longitude: Number(row.longitude),
  }));
}

function readRoutes(folder: string): RouteRow[] {
  return readCsv(join(folder, 'flights-airport.csv')).map((row) => ({
    origin: row.origin as string,
    destination: row.destination as string,
    flightCount: Number(row.count),
  }));
}

/** Dates have no zone in the file and are read as UTC. Flights have no number either, so the row's is theirs. */
function readFlights(folder: string): FlightRow[] {
  const rows = JSON.parse(readFileSync(join(folder, 'flights-20k.json'), 'utf8')) as {
    date: string;
    delay: number;
    distance: number;
    origin: string;
    destination: string;
  }[];
  return rows.map(({ date, delay, distance, origin, destination }, at) => ({
    number: String(at + 1).padStart(5, '0'),
    origin,
    destination,
    scheduledAt: `${date.replaceAll('/', '-').replace(' ', 'T')}:00.000Z`,
    delay,
    distance,
  }));
}

/** RFC 4180 as far as these files need it: quoted fields may hold commas, none holds a line break. */
function readCsv(path: string): Record<string, string>[] {
  const [heading = '', ...lines] = readFileSync(path, 'utf8').trim().split(/\r?\n/);
  const names = splitLine(heading);
  return lines.map((line) => {
    const fields = splitLine(line);
    return Object.fromEntries(names.map((name, at) => [name, fields[at] ?? '']));
  });
}

function splitLine(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((match) =>
    match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'),
  );
}
