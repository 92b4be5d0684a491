import type { FunctionInput, FunctionOutcome, FunctionSnapshot, OntologyFunction } from '../../ontology/ontology-function.ts';

/** Mean radius of the earth in statute miles, the unit of the data. */
const earthRadiusMiles = 3958.8;

/** Functions of the flight network, for EXEQUATUR_FUNCTIONS. */
export const functions: readonly OntologyFunction[] = [{ name: 'rerouteFlight', version: 1, run: rerouteFlight }];

async function rerouteFlight({ parameters }: FunctionInput, snapshot: FunctionSnapshot): Promise<FunctionOutcome> {
  const { flight: flightId, destination: destinationId } = parameters as { flight: string; destination: string };
  const flight = (await snapshot.get('flight', [flightId])).get(flightId);
  const originId = String(flight?.properties.origin);
  const airports = await snapshot.get('airport', [originId, destinationId]);
  const origin = airports.get(originId);
  const destination = airports.get(destinationId);
  if (!flight || !origin || !destination) {
    return { refused: 'The flight or one of its airports is gone.' };
  }
  const distance = Math.round(greatCircleMiles(positionOf(origin.properties), positionOf(destination.properties)));
  return { edits: [{ op: 'modify', type: 'flight', id: flightId, set: { destination: destinationId, distance } }] };
}

type Position = { latitude: number; longitude: number };

function positionOf(properties: Record<string, unknown>): Position {
  return { latitude: properties.latitude as number, longitude: properties.longitude as number };
}

/** By the haversine formula, which stays exact for airports that are close to each other. */
export function greatCircleMiles(from: Position, to: Position): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const latitude = Math.sin(radians(to.latitude - from.latitude) / 2) ** 2;
  const longitude = Math.sin(radians(to.longitude - from.longitude) / 2) ** 2;
  const share = latitude + Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * longitude;
  return 2 * earthRadiusMiles * Math.asin(Math.min(1, Math.sqrt(share)));
}
