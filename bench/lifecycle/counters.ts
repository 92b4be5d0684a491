import { randomUUID } from 'node:crypto';
import type { OntologyDocument } from '../../ontology/definition.ts';
import { propose, review, untilExecuted } from '../../scripts/rest/carry-proposal.ts';
import { expectGood, type RestClient } from '../../scripts/rest/rest-client.ts';

/** The smallest governed action: one property of one object, one approval by a person. */
export const counterDocument: OntologyDocument = {
  objectTypes: {
    counter: { key: 'name', properties: { name: { type: 'string', required: true }, value: { type: 'integer' } } },
  },
  actionTypes: {
    createCounters: {
      parameters: { names: { type: 'array', items: { type: 'string' }, maxItems: 10_000, required: true } },
      rules: [{ rule: 'forEach', as: 'name', in: { list: 'names' }, do: [{ rule: 'create', type: 'counter', set: { name: 'name' } }] }],
      approvalPolicy: 'one-manager',
    },
    count: {
      parameters: { counter: { type: 'reference', to: 'counter', required: true }, to: { type: 'integer', required: true } },
      rules: [{ rule: 'modify', type: 'counter', object: 'counter', set: { value: 'to' } }],
      approvalPolicy: 'one-manager',
    },
  },
  approvalPolicies: {
    'one-manager': {
      stages: [{ name: 'manager', thresholds: [{ needed: 1, reviewers: "'duty-manager' in reviewer.roles" }] }],
      expiresAfter: 'P1D',
    },
  },
};

/** Uploads the document and creates counters; each lifecycle of the benchmark takes the next, so that no two touch one object at the same time. */
export async function createCounters(
  administrator: RestClient,
  agent: RestClient,
  approver: RestClient,
  count: number,
  document = counterDocument,
): Promise<string[]> {
  expectGood(await administrator.put('/v1/ontology', document), 'uploading the document');
  const names = Array.from({ length: count }, (_, at) => `counter-${String(at).padStart(6, '0')}`);
  const proposal = await propose(agent, { actionType: 'createCounters', parameters: { names }, justification: 'benchmark' }, randomUUID());
  expectGood(await review(approver, proposal, 'approve', 'benchmark'), 'approving the counters');
  await untilExecuted(approver, proposal.id);
  return names;
}
