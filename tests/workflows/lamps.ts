import type { Caller } from '../../ontology/authority.ts';
import type { JsonValue } from '../../ontology/json.ts';

/** A domain with as little as the tests of the workflow need: lamps that are installed by policy alone, and dimmed when a keeper approves. */
export const lamps: JsonValue = {
  objectTypes: {
    lamp: {
      key: 'name',
      properties: {
        name: { type: 'string', required: true },
        level: { type: 'integer', required: true },
        installedBy: { type: 'string' },
      },
    },
  },
  linkTypes: {},
  actionTypes: {
    install: {
      parameters: { names: { type: 'array', items: { type: 'string' }, maxItems: 10_000, required: true } },
      rules: [
        { rule: 'forEach', as: 'name', in: { list: 'names' }, do: [{ rule: 'create', type: 'lamp', set: { name: 'name', level: '100' } }] },
      ],
      approvalPolicy: 'nobody',
    },
    dim: {
      parameters: { lamp: { type: 'reference', to: 'lamp', required: true }, level: { type: 'integer', required: true } },
      criteria: [{ condition: 'level >= 0', message: 'A lamp cannot be darker than dark.' }],
      rules: [{ rule: 'modify', type: 'lamp', object: 'lamp', set: { level: 'level' } }],
      approvalPolicy: 'keeper',
    },
    dimAll: {
      parameters: { level: { type: 'integer', required: true } },
      rules: [
        {
          rule: 'forEach',
          as: 'lamp',
          in: { query: { type: 'lamp', where: 'lamp.level != level' } },
          do: [{ rule: 'modify', type: 'lamp', object: 'lamp', set: { level: 'level' } }],
        },
      ],
      approvalPolicy: 'keeper',
    },
  },
  approvalPolicies: {
    nobody: {
      stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
      automatic: { condition: 'true', ceilings: { edits: 10_000 } },
      expiresAfter: 'PT1H',
    },
    keeper: {
      stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
      expiresAfter: 'PT1H',
    },
  },
};

const issued = '2026-01-01T00:00:00.000Z';
export const agent: Caller = { id: 'agent', kind: 'agent', roles: ['installer'], tokenIssuedAt: issued };
export const keeper: Caller = { id: 'keeper', kind: 'user', roles: ['keeper'], tokenIssuedAt: issued };
export const owner: Caller = { id: 'owner', kind: 'user', roles: ['ontology-admin'], tokenIssuedAt: issued };
export const onCall: Caller = { id: 'on-call', kind: 'user', roles: ['on-call'], tokenIssuedAt: issued };
export const secondOwner: Caller = { ...owner, id: 'second-owner' };
