import type { OntologyDocument } from '../../ontology/definition.ts';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import { flightNetwork } from './ontology.ts';

/** The carrier hears of it first, and its reference is what cancels it; then the crew is told. */
const tellCarrier: EffectDefinition[] = [
  {
    name: 'carrier',
    phase: 'writeBack',
    webhook: {
      endpoint: 'carrier',
      path: ["'flights'", 'flight.id', "'reroute'"],
      body: { to: 'destination.id', from: 'flight.destination' },
    },
    lostAnswer: 'key',
    slots: { reference: { type: 'string', maxLength: 100, value: 'answer.body.reference' } },
    compensation: { webhook: { endpoint: 'carrier', method: 'DELETE', path: ["'reroutes'", { slot: 'reference' }] }, lostAnswer: 'key' },
  },
  {
    name: 'crew',
    phase: 'sideEffect',
    webhook: {
      endpoint: 'carrier',
      path: ["'crews'", 'flight.id', "'notices'"],
      body: { reference: { slot: 'reference' }, destination: 'destination.name' },
    },
    lostAnswer: 'key',
    compensation: {
      webhook: { endpoint: 'carrier', path: ["'crews'", 'flight.id', "'corrections'"], body: { reference: { slot: 'reference' } } },
      lostAnswer: 'key',
    },
  },
];

/** The network whose rerouted flights are also the carrier's business, at this address. */
export function withCarrier(url: string): OntologyDocument {
  const document: OntologyDocument = flightNetwork;
  const rerouteFlight = document.actionTypes?.rerouteFlight;
  if (rerouteFlight === undefined) throw new Error('the network reroutes no flights');
  return {
    ...document,
    endpoints: { carrier: { title: 'The carrier’s API', url, timeout: 'PT5S' } },
    actionTypes: { ...document.actionTypes, rerouteFlight: { ...rerouteFlight, effects: tellCarrier } },
  };
}
