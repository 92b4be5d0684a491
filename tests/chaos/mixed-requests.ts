import type { JsonObject } from '../../ontology/json.ts';
import type { ChaosAction } from './chaos-schedule.ts';

/** Which action a request comes from stands in the depot that it names. */
export const depotOf = (n: number) => `depot-${n}`;

/** What is sent for the n-th action, unless it reverts another. */
export function requestOf(action: ChaosAction, n: number): { path: string; body: JsonObject } {
  const parameters = parametersOf(action, n);
  const justification = 'chaos';
  return action.kind === 'changeSet'
    ? { path: '/v1/proposals:batch', body: { changeSet: { ...parameters, justification } } }
    : { path: '/v1/proposals', body: { actionType: action.kind, parameters, justification } };
}

export function parametersOf(action: ChaosAction, n: number): JsonObject {
  const { kind, weight } = action;
  const [parcel, other, crate, seal] = [`P${action.parcel}`, `P${action.other}`, `C${action.crate}`, `S${action.seal}`];
  const depot = depotOf(n);
  switch (kind) {
    case 'changeSet':
      return { actions: setOf(action, { parcel, other, weight, depot }) };
    case 'pack':
      return { crate, seal, parcel, depot };
    case 'unpack':
      return { crate, depot };
    case 'add':
      return { crate, parcel };
    case 'reseal':
      return { crate, seal };
    case 'weigh':
    case 'askToWeigh':
    case 'askInTime':
    case 'revert':
      return { parcel, weight };
    default:
      return { parcel, depot };
  }
}

/** A crate that the set itself makes, and fills with two parcels, of which one is handed over and the other weighed. */
function setOf({ way }: ChaosAction, { parcel, other, weight, depot }: Record<'parcel' | 'other' | 'depot', string> & { weight: number }) {
  const crate = `C-${depot}`;
  return [
    { actionType: 'pack', parameters: { crate, seal: crate, parcel, depot } },
    { actionType: 'add', parameters: { crate, parcel: other } },
    { actionType: way, parameters: { parcel, depot } },
    { actionType: 'weigh', parameters: { parcel: other, weight } },
  ];
}
