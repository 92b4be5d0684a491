import type { OntologyDocument } from '../../ontology/definition.ts';

export const foreman = { id: 'foreman', kind: 'user', roles: ['foreman'], tokenIssuedAt: '2026-01-01T00:00:00.000Z' } as const;

/** The parcels' domain with an action, `askToWeigh`, that a person approves. */
export function askedParcels(document: OntologyDocument): OntologyDocument {
  const weigh = document.actionTypes?.weigh;
  if (weigh === undefined) throw new Error('parcels are weighed');
  return {
    ...document,
    actionTypes: { ...document.actionTypes, askToWeigh: { ...weigh, approvalPolicy: 'asked' } },
    approvalPolicies: {
      ...document.approvalPolicies,
      asked: { expiresAfter: 'PT1H', stages: [{ name: 'foremen', thresholds: [{ needed: 1, reviewers: "'foreman' in reviewer.roles" }] }] },
    },
  };
}
