import type { OntologyDocument } from '../../ontology/definition.ts';
import type { CheckDefinition, EffectDefinition } from '../../ontology/effect-definition.ts';

/** Books the parcel with the carrier before anything is written; the booking's number goes into what cancels it. */
export const bookCarrier: EffectDefinition = {
  name: 'book',
  phase: 'writeBack',
  webhook: { endpoint: 'carrier', path: ["'bookings'"], body: { parcel: 'parcel.id', to: 'depot', weight: 'parcel.weight' } },
  lostAnswer: 'key',
  slots: { booking: { type: 'string', maxLength: 40, value: 'answer.body.booking' } },
  compensation: { webhook: { endpoint: 'carrier', method: 'DELETE', path: ["'bookings'", { slot: 'booking' }] }, lostAnswer: 'key' },
};

export const tellDepot: EffectDefinition = {
  name: 'tell',
  phase: 'sideEffect',
  webhook: { endpoint: 'carrier', path: ["'depots'", 'depot', "'arrivals'"], body: { parcel: 'parcel.id', booking: { slot: 'booking' } } },
  lostAnswer: 'key',
  compensation: {
    webhook: { endpoint: 'carrier', path: ["'depots'", 'depot', "'cancellations'"], body: { parcel: 'parcel.id' } },
    lostAnswer: 'key',
  },
};

/**
 * Parcels that are handed over to a carrier. Policy alone approves, so that tests are about what comes after. A busy machine answers within the timeout; where workers are
 * killed it is short, since what they had sent is waited for so long.
 */
export function parcelDomain(url: string, effects: EffectDefinition[], checks?: CheckDefinition[], timeout = 'PT20S'): OntologyDocument {
  return {
    objectTypes: {
      parcel: {
        key: 'code',
        properties: {
          code: { type: 'string', required: true },
          depot: { type: 'string' },
          weight: { type: 'integer', required: true },
          note: { type: 'string', sensitive: true },
          status: { type: 'enum', values: ['here', 'away'], required: true },
        },
      },
    },
    endpoints: { carrier: { url, timeout } },
    actionTypes: {
      receive: {
        parameters: { code: { type: 'string', required: true }, weight: { type: 'integer', required: true } },
        rules: [{ rule: 'create', type: 'parcel', set: { code: 'code', weight: 'weight', status: "'here'" } }],
        approvalPolicy: 'alone',
      },
      weigh: {
        parameters: { parcel: { type: 'reference', to: 'parcel', required: true }, weight: { type: 'integer', required: true } },
        rules: [{ rule: 'modify', type: 'parcel', object: 'parcel', set: { weight: 'weight' } }],
        approvalPolicy: 'alone',
      },
      relabel: {
        parameters: { parcel: { type: 'reference', to: 'parcel', required: true }, depot: { type: 'string', required: true } },
        rules: [{ rule: 'modify', type: 'parcel', object: 'parcel', set: { depot: 'depot' } }],
        approvalPolicy: 'alone',
      },
      handOver: {
        parameters: { parcel: { type: 'reference', to: 'parcel', required: true }, depot: { type: 'string', required: true } },
        rules: [{ rule: 'modify', type: 'parcel', object: 'parcel', set: { status: "'away'", depot: 'depot' } }],
        effects,
        ...(checks ? { checks } : {}),
        approvalPolicy: 'alone',
      },
    },
    approvalPolicies: {
      alone: {
        expiresAfter: 'PT1H',
        stages: [{ name: 'clerks', thresholds: [{ needed: 1, reviewers: "'clerk' in reviewer.roles" }] }],
        automatic: { condition: 'true', ceilings: { edits: 100 } },
      },
    },
  };
}
