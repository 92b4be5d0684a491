import type { OntologyDocument } from '../../ontology/definition.ts';

/**
 * The smallest document that can make plans of any size: items in groups, and one action that shifts a property of every item of a group.
 * `plain` changes a property that no index holds, `indexed` one that has a row in the index, so that both costs are seen.
 */
export const benchDocument: OntologyDocument = {
  objectTypes: {
    item: {
      key: 'code',
      properties: {
        code: { type: 'string', required: true },
        group: { type: 'string', required: true, indexed: true },
        plain: { type: 'integer', required: true },
        indexed: { type: 'integer', required: true, indexed: true },
        note: { type: 'string' },
      },
    },
  },
  actionTypes: {
    load: {
      parameters: {
        items: {
          type: 'array',
          maxItems: 10_000,
          required: true,
          items: {
            type: 'struct',
            properties: {
              code: { type: 'string', required: true },
              group: { type: 'string', required: true },
              value: { type: 'integer', required: true },
              note: { type: 'string' },
            },
          },
        },
      },
      rules: [
        {
          rule: 'forEach',
          as: 'row',
          in: { list: 'items' },
          do: [
            {
              rule: 'create',
              type: 'item',
              set: { code: 'row.code', group: 'row.group', plain: 'row.value', indexed: 'row.value', note: 'row.note' },
            },
          ],
        },
      ],
      approvalPolicy: 'one-person',
    },
    shiftPlain: shift('plain'),
    shiftIndexed: shift('indexed'),
  },
  approvalPolicies: {
    'one-person': {
      stages: [{ name: 'review', thresholds: [{ needed: 1, reviewers: "'reviewer' in reviewer.roles" }] }],
      expiresAfter: 'P1D',
    },
  },
};

type ActionType = NonNullable<OntologyDocument['actionTypes']>[string];

function shift(property: string): ActionType {
  return {
    parameters: { group: { type: 'string', required: true }, amount: { type: 'integer', required: true } },
    rules: [
      {
        rule: 'forEach',
        as: 'item',
        in: { query: { type: 'item', where: 'item.group == group' } },
        do: [{ rule: 'modify', type: 'item', object: 'item', set: { [property]: `item.${property} + amount` } }],
      },
    ],
    approvalPolicy: 'one-person',
    limits: { edits: 100_000 },
  };
}
