import type { OntologyDocument } from '../../ontology/definition.ts';
import type { CheckDefinition, EffectDefinition, WebhookTemplate } from '../../ontology/effect-definition.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { bookCarrier, tellDepot } from '../effects/parcel-domain.ts';
import type { Received, Receiver, Reply } from '../effects/receiver.ts';
import { askedParcels } from './asked-parcels.ts';
import { cratedParcels } from './mixed-crates.ts';

const body = { parcel: 'parcel.id', to: 'depot' };
const at = (place: string, method: NonNullable<WebhookTemplate['method']>, ...more: string[]): WebhookTemplate => ({
  endpoint: 'carrier',
  method,
  path: [`'${place}'`, 'depot', ...more.map((name) => `'${name}'`)],
  ...(method === 'GET' ? {} : { body }),
});

/** Where the carrier is asked before anything is sent a second time. */
export const reserve: EffectDefinition = {
  name: 'reserve',
  phase: 'writeBack',
  webhook: at('reservations', 'PUT'),
  lostAnswer: 'probe',
  probe: { webhook: at('reservations', 'GET'), done: 'answer.status == 200' },
  attempts: 8,
  compensation: {
    webhook: at('reservations', 'DELETE'),
    lostAnswer: 'probe',
    probe: { webhook: at('reservations', 'GET'), done: 'answer.status == 404' },
  },
};

/** Where nothing is ever sent a second time by itself. */
export const collect: EffectDefinition = {
  name: 'collect',
  phase: 'sideEffect',
  webhook: at('collections', 'POST'),
  lostAnswer: 'none',
  compensation: { webhook: at('collections', 'DELETE'), lostAnswer: 'none' },
};

export const survey: EffectDefinition = {
  name: 'survey',
  phase: 'sideEffect',
  webhook: at('surveys', 'POST'),
  lostAnswer: 'none',
  optional: true,
};

export const print: EffectDefinition = {
  name: 'print',
  phase: 'sideEffect',
  function: { name: 'printLabel', version: 1, input: { parcel: 'parcel.id', depot: 'depot' } },
  lostAnswer: 'key',
  compensation: { function: { name: 'voidLabel', version: 1, input: { parcel: 'parcel.id', depot: 'depot' } }, lostAnswer: 'key' },
};

export const announce: EffectDefinition = {
  name: 'announce',
  phase: 'sideEffect',
  message: { type: 'parcel.away', data: { parcel: 'parcel.id', to: 'depot' } },
  compensation: { message: { type: 'parcel.back', data: { parcel: 'parcel.id', to: 'depot' } } },
};

const tellPlainly: EffectDefinition = {
  ...tellDepot,
  webhook: { endpoint: 'carrier', path: ["'depots'", 'depot', "'arrivals'"], body },
  attempts: 3,
} as EffectDefinition;

/** Of `handOver`, whose receiver honours keys. */
export const keyed: EffectDefinition[] = [bookCarrier, { ...tellDepot, attempts: 3 }, announce];

/** What must be so, and stay so for a while, of a parcel that was handed over. */
const baking = { bake: 'PT2S', every: 'PT1S' };
const checks: CheckDefinition[] = [
  { name: 'kept', ...baking, probe: { webhook: at('reservations', 'GET', 'kept'), done: 'answer.status == 200' } },
  { name: 'light', ...baking, holds: 'parcel.weight < 40' },
];

/** The parcels' domain with more ways to hand one over, one for each way in which an effect may be meant, actions that a person approves, or must within two seconds, and crates. */
export function mixedParcels(document: OntologyDocument): OntologyDocument {
  const { actionTypes: { handOver, askToWeigh } = {}, approvalPolicies: { asked } = {}, ...others } = askedParcels(document);
  if (handOver === undefined || askToWeigh === undefined || asked === undefined) throw new Error('parcels are handed over and weighed');
  return cratedParcels({
    ...others,
    actionTypes: {
      ...document.actionTypes,
      askToWeigh,
      askInTime: { ...askToWeigh, approvalPolicy: 'inTime' },
      reserve: { ...handOver, effects: [reserve, print, announce, tellPlainly] },
      collect: { ...handOver, effects: [announce, collect, survey, tellPlainly] },
      watch: { ...handOver, effects: [reserve, tellPlainly], checks },
    },
    approvalPolicies: { ...document.approvalPolicies, asked, inTime: { ...asked, expiresAfter: 'PT2S' } },
  });
}

/** What a request to the carrier is about, and whether it does it or takes it back; null for a question. */
export interface Deed {
  thing: string;
  way: 'do' | 'undo';
}

/** `acted` are the deeds so far: a booking is cancelled by the number that it was given there. */
export function deedOf(
  { method, path, body }: Pick<Received, 'method' | 'path' | 'body'>,
  acted: readonly Pick<Received, 'body'>[],
): Deed | null {
  if (method === 'GET') return null;
  const [, place = '', name = '', what = ''] = path.split('/');
  if (place === 'bookings') {
    const { parcel, to = name } = ((name === '' ? body : acted[Number(name.slice(1)) - 1]?.body) ?? {}) as JsonObject;
    return { thing: `booking of ${parcel} for ${to}`, way: name === '' ? 'do' : 'undo' };
  }
  if (place === 'depots')
    return { thing: `arrival of ${(body as JsonObject | undefined)?.parcel} at ${name}`, way: what === 'arrivals' ? 'do' : 'undo' };
  return { thing: `${place} ${name}`, way: method === 'DELETE' ? 'undo' : 'do' };
}

const unkeyed = /^\/(reservations|collections|surveys)\//;

/** Makes a carrier of it that honours keys only where the domain believes so, and knows what is in force there. */
export function carryMixed(carrier: Receiver): void {
  const inForce = (thing: string) => {
    const of = carrier.done.map((one) => deedOf(one, carrier.done)).filter((deed) => deed?.thing === thing);
    return of.at(-1)?.way === 'do';
  };
  const gone: Reply = { status: 404, body: {} };
  carrier.honoursKey = ({ path }) => !unkeyed.test(path);
  carrier.finds = (received) => {
    const [, place = '', name = ''] = received.path.split('/');
    if (received.method === 'GET') return inForce(`${place} ${name}`) ? { status: 200, body: {} } : gone;
    const deed = deedOf(received, carrier.done);
    return deed?.way === 'undo' && !inForce(deed.thing) ? gone : undefined;
  };
}
