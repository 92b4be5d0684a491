import type { OntologyDocument } from '../../ontology/definition.ts';
import { counterDocument } from '../lifecycle/counters.ts';

const counter = { type: 'reference', to: 'counter', required: true } as const;
const rules = (counterDocument.actionTypes?.count?.rules ?? []) as NonNullable<OntologyDocument['actionTypes']>[string]['rules'];

/**
 * The counters of the other benchmarks, of which two action types go outside once they have counted: one asks a receiver that answers at once, one a receiver that takes its time. What floods is
 * approved by policy alone, so that nobody's clicks pace it.
 */
export function floodDocument(receiverUrl: string): OntologyDocument {
  const parameters = { counter, to: { type: 'integer', required: true } } as const;
  const telling = (path: string) => ({
    name: 'tell',
    phase: 'sideEffect' as const,
    webhook: { endpoint: 'receiver', path: [`'${path}'`], body: { to: 'to' } },
    lostAnswer: 'key' as const,
  });
  return {
    ...counterDocument,
    endpoints: { receiver: { url: receiverUrl, timeout: 'PT30S' } },
    actionTypes: {
      ...counterDocument.actionTypes,
      countAndTell: { parameters, rules, effects: [telling('fast')], approvalPolicy: 'one-manager' },
      pour: { parameters, rules, approvalPolicy: 'alone' },
      pourSlowly: { parameters, rules, effects: [telling('slow')], approvalPolicy: 'alone' },
    },
    approvalPolicies: {
      ...counterDocument.approvalPolicies,
      alone: {
        expiresAfter: 'PT1H',
        stages: [{ name: 'manager', thresholds: [{ needed: 1, reviewers: "'duty-manager' in reviewer.roles" }] }],
        automatic: { condition: 'true', ceilings: { edits: 1 } },
      },
    },
  };
}
