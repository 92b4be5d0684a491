import type { JsonValue } from '../../ontology/json.ts';

/** Values that nobody without the permission may meet anywhere. Each stands in a sensitive property, and no name or id resembles one. */
export const secrets = {
  note: 'Zq7-told-in-confidence',
  salary: '918273645.5546',
  badge: 'Zq7-badge-number',
  tag: 'Zq7-on-a-list',
  email: 'zq7-private@example.test',
} as const;

const text = { type: 'string' } as const;
const person = { type: 'reference', to: 'person', required: true } as const;

/** A staff register, nearly all of it sensitive. */
export const staff = {
  sensitiveReaders: "'confidant' in reader.roles",
  objectTypes: {
    person: {
      key: 'code',
      properties: {
        code: { type: 'string', required: true },
        desk: text,
        note: { type: 'string', sensitive: true, indexed: true, maxLength: 60 },
        salary: { type: 'decimal', sensitive: true, indexed: true },
        badge: { type: 'string', sensitive: true, unique: true },
        tags: { type: 'array', items: text, sensitive: true },
        contact: { type: 'struct', sensitive: true, properties: { email: text } },
        superior: { type: 'reference', to: 'person', sensitive: true },
      },
    },
  },
  linkTypes: { reports: { from: 'person', to: 'person', cardinality: 'one-to-many', via: 'superior' } },
  actionTypes: {
    hire: {
      parameters: {
        code: { type: 'string', required: true },
        note: { type: 'string', sensitive: true },
        salary: { type: 'decimal', sensitive: true },
        badge: { type: 'string', sensitive: true },
        tags: { type: 'array', items: text, sensitive: true },
        email: { type: 'string', sensitive: true },
        superior: { type: 'reference', to: 'person', sensitive: true },
      },
      rules: [
        {
          rule: 'create',
          type: 'person',
          set: {
            code: 'code',
            note: 'note',
            salary: 'salary',
            badge: 'badge',
            tags: 'tags',
            contact: "{'email': email}",
            superior: 'superior',
          },
        },
      ],
      approvalPolicy: 'one-keeper',
    },
    annotate: {
      parameters: { person, note: { type: 'string', sensitive: true } },
      rules: [{ rule: 'modify', type: 'person', object: 'person', set: { note: 'note' } }],
      approvalPolicy: 'one-keeper',
    },
    reseat: {
      parameters: { person, desk: { type: 'string', required: true } },
      rules: [{ rule: 'modify', type: 'person', object: 'person', set: { desk: 'desk' } }],
      approvalPolicy: 'one-keeper',
    },
    /** Cannot be computed over a note that is no number. */
    reckon: {
      parameters: { person },
      rules: [{ rule: 'modify', type: 'person', object: 'person', set: { salary: 'decimal(person.note)' } }],
      approvalPolicy: 'one-keeper',
    },
    /** Does not fit where the note is long. */
    doubleNote: {
      parameters: { person },
      rules: [{ rule: 'modify', type: 'person', object: 'person', set: { note: "person.note + ' ' + person.note + ' ' + person.note" } }],
      approvalPolicy: 'one-keeper',
    },
    shareBadge: {
      parameters: { person, other: person },
      rules: [{ rule: 'modify', type: 'person', object: 'person', set: { badge: 'other.badge' } }],
      approvalPolicy: 'one-keeper',
    },
    /** Takes the note that is there for the one that is not given. */
    keepNote: {
      parameters: { person, note: { type: 'string', sensitive: true, prefill: 'person.note' } },
      rules: [{ rule: 'modify', type: 'person', object: 'person', set: { note: "note + '.'" } }],
      approvalPolicy: 'one-keeper',
    },
    reseatAll: {
      parameters: {
        people: { type: 'objectSet', of: 'person', required: true },
        secretly: { type: 'objectSet', of: 'person', sensitive: true },
      },
      rules: [
        {
          rule: 'forEach',
          as: 'one',
          in: { list: 'people' },
          do: [{ rule: 'modify', type: 'person', object: 'one', set: { desk: "'moved'" } }],
        },
      ],
      approvalPolicy: 'one-keeper',
    },
    dismiss: {
      parameters: { person },
      rules: [{ rule: 'delete', type: 'person', object: 'person' }],
      approvalPolicy: 'one-keeper',
    },
  },
  approvalPolicies: {
    'one-keeper': {
      stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
      expiresAfter: 'PT1H',
      breakGlass: { roles: ['keeper'], approvals: 0, reviewWithin: 'PT1H', reviewers: "'keeper' in reviewer.roles" },
    },
  },
} satisfies JsonValue;
