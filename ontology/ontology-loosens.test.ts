import { describe, expect, it } from 'vitest';
import type { ApprovalPolicyDefinition, OntologyDocument } from './definition.ts';
import { diffDocuments } from './diff-ontology.ts';
import type { PlannedFact } from './document-conditions.ts';
import { ontologyLoosenings } from './ontology-loosens.ts';

const library = {
  objectTypes: {
    book: {
      minimumApprovals: 1,
      properties: {
        title: { type: 'string', required: true, maxLength: 100, pattern: '[A-Z].*' },
        price: { type: 'integer', maximum: 100 },
        notes: { type: 'string', sensitive: true },
        shelf: { type: 'reference', to: 'shelf' },
      },
    },
    shelf: { properties: { name: { type: 'string' } } },
  },
  linkTypes: { books: { from: 'shelf', to: 'book', cardinality: 'one-to-many', via: 'shelf' } },
  actionTypes: {
    price: {
      parameters: { book: { type: 'reference', to: 'book', required: true }, price: { type: 'integer', required: true } },
      criteria: [{ condition: 'price > 0', message: 'Nothing is free.' }],
      rules: [{ rule: 'modify', type: 'book', object: 'book', set: { price: 'price' } }],
      approvalPolicy: 'two',
      limits: { edits: 10 },
      riskTier: 'medium',
    },
  },
  approvalPolicies: {
    one: { expiresAfter: 'P1D', stages: [{ name: 'clerks', thresholds: [{ needed: 1, reviewers: "'clerk' in reviewer.roles" }] }] },
    board: { expiresAfter: 'P1D', stages: [{ name: 'board', thresholds: [{ needed: 1, reviewers: 'true' }] }] },
    two: {
      expiresAfter: 'P1D',
      approvalsLast: 'PT8H',
      stages: [
        { name: 'clerks', thresholds: [{ needed: 2, toleratedDenials: 1, reviewers: "'clerk' in reviewer.roles" }], teams: 2 },
        { name: 'head', thresholds: [{ needed: 1, reviewers: "'head' in reviewer.roles" }], when: 'price > 50' },
      ],
      automatic: { condition: 'price < 10', ceilings: { edits: 5, parameters: { price: 10 } } },
    },
  },
  governance: { loosening: 'board' },
} satisfies OntologyDocument;

/** Loosely typed, so that each case says only what it changes. */
type Change = (copy: {
  objectTypes: Record<string, { minimumApprovals?: number; sensitiveReaders?: string; properties: Record<string, object> }>;
  linkTypes: Record<string, object>;
  actionTypes: Record<string, Record<string, unknown>>;
  approvalPolicies: Record<string, ApprovalPolicyDefinition>;
  governance?: { loosening?: string; tightening?: string };
}) => void;

function loosenings(change: Change, from: OntologyDocument = library): string[] {
  const copy = structuredClone(from) as unknown as Parameters<Change>[0];
  change(copy);
  const after = copy as unknown as OntologyDocument;
  return ontologyLoosenings(from, after, diffDocuments(from, after)).map(({ pointer }) => pointer ?? '');
}

const policy = (copy: Parameters<Change>[0]) => copy.approvalPolicies.two as ApprovalPolicyDefinition;
const stage = (copy: Parameters<Change>[0], at = 0) => policy(copy).stages[at] as ApprovalPolicyDefinition['stages'][number];
const threshold = (copy: Parameters<Change>[0], at = 0) => stage(copy, at).thresholds[0] as { needed: number; toleratedDenials?: number };

describe('a document only tightens that', () => {
  it.each<[string, Change]>([
    ['says the same in other words', (copy) => Object.assign(copy.objectTypes.book ?? {}, { title: 'Books' })],
    [
      'adds types and properties that nothing writes',
      (copy) => Object.assign(copy.objectTypes, { reader: { properties: { name: { type: 'string' } } } }),
    ],
    ['takes an action type away', (copy) => Reflect.deleteProperty(copy.actionTypes, 'price')],
    ['asks for a value', (copy) => Object.assign(copy.objectTypes.book?.properties.price ?? {}, { required: true })],
    ['allows fewer values', (copy) => Object.assign(copy.objectTypes.book?.properties.price ?? {}, { maximum: 90 })],
    ['hides a value', (copy) => Object.assign(copy.objectTypes.book?.properties.price ?? {}, { sensitive: true })],
    ['asks for more people whatever is done to a type', (copy) => Object.assign(copy.objectTypes.book ?? {}, { minimumApprovals: 2 })],
    ['allows smaller plans alone', (copy) => Object.assign(copy.actionTypes.price ?? {}, { limits: { edits: 9 } })],
    [
      'adds a criterion',
      (copy) =>
        Object.assign(copy.actionTypes.price ?? {}, {
          criteria: [...library.actionTypes.price.criteria, { condition: 'price < 99', message: 'Too dear.' }],
        }),
    ],
    ['says who may propose what anybody might', (copy) => Object.assign(copy.actionTypes.price ?? {}, { proposers: 'false' })],
    ['calls an action riskier', (copy) => Object.assign(copy.actionTypes.price ?? {}, { riskTier: 'high' })],
    ['needs more approvals', (copy) => Object.assign(threshold(copy), { needed: 3 })],
    ['tolerates fewer denials', (copy) => Object.assign(threshold(copy), { toleratedDenials: 0 })],
    ['asks people of more teams', (copy) => Object.assign(stage(copy), { teams: 3 })],
    ['asks a stage always', (copy) => Reflect.deleteProperty(stage(copy, 1), 'when')],
    [
      'adds a threshold to a stage that asks for no teams',
      (copy) => stage(copy, 1).thresholds.push({ name: 'board', needed: 1, reviewers: 'true' }),
    ],
    ['adds a stage', (copy) => policy(copy).stages.push({ name: 'board', thresholds: [{ needed: 1, reviewers: 'true' }] })],
    ['approves nothing by itself any more', (copy) => Reflect.deleteProperty(policy(copy), 'automatic')],
    ['approves less by itself', (copy) => Object.assign(policy(copy).automatic?.ceilings ?? {}, { edits: 4 })],
    ['lets approvals lapse sooner', (copy) => Object.assign(policy(copy), { approvalsLast: 'PT7H' })],
    ['lets proposals expire sooner', (copy) => Object.assign(policy(copy), { expiresAfter: 'PT23H' })],
  ])('%s', (_, change) => {
    expect(loosenings(change)).toEqual([]);
  });
});

describe('a document loosens that', () => {
  it.each<[string, string, Change]>([
    [
      'asks more of changes that tighten, which might shut everybody out',
      '/governance/tightening',
      (copy) => Object.assign(copy.governance ?? {}, { tightening: 'one' }),
    ],
    [
      'allows other texts',
      '/objectTypes/book/properties/title/pattern',
      (copy) => Object.assign(copy.objectTypes.book?.properties.title ?? {}, { pattern: '.*' }),
    ],
    [
      'takes away what is sensitive, and might come back as what is not',
      '/objectTypes/book/properties/notes',
      (copy) => Reflect.deleteProperty(copy.objectTypes.book?.properties ?? {}, 'notes'),
    ],
    [
      'adds a type of an interface, over which there may be rules',
      '/objectTypes/scroll',
      (copy) => Object.assign(copy.objectTypes, { scroll: { implements: ['readable'], properties: {} } }),
    ],
    [
      'adds an action type',
      '/actionTypes/burn',
      (copy) => Object.assign(copy.actionTypes, { burn: { parameters: {}, rules: [], approvalPolicy: 'two' } }),
    ],
    ['writes something else', '/actionTypes/price/rules', (copy) => Object.assign(copy.actionTypes.price ?? {}, { rules: [] })],
    ['drops a criterion', '/actionTypes/price/criteria', (copy) => Object.assign(copy.actionTypes.price ?? {}, { criteria: [] })],
    [
      'calls an action less risky',
      '/actionTypes/price/riskTier',
      (copy) => Object.assign(copy.actionTypes.price ?? {}, { riskTier: 'low' }),
    ],
    [
      'allows larger plans',
      '/actionTypes/price/limits/edits',
      (copy) => Object.assign(copy.actionTypes.price ?? {}, { limits: { edits: 11 } }),
    ],
    [
      'takes another policy that asks less',
      '/actionTypes/price/approvalPolicy',
      (copy) => Object.assign(copy.actionTypes.price ?? {}, { approvalPolicy: 'one' }),
    ],
    [
      'allows more values',
      '/objectTypes/book/properties/price/maximum',
      (copy) => Object.assign(copy.objectTypes.book?.properties.price ?? {}, { maximum: 101 }),
    ],
    [
      'shows a hidden value',
      '/objectTypes/book/properties/notes/sensitive',
      (copy) => Object.assign(copy.objectTypes.book?.properties.notes ?? {}, { sensitive: false }),
    ],
    [
      'shows hidden values to others',
      '/objectTypes/book/sensitiveReaders',
      (copy) => Object.assign(copy.objectTypes.book ?? {}, { sensitiveReaders: 'true' }),
    ],
    [
      'needs no value any more',
      '/objectTypes/book/properties/title/required',
      (copy) => Reflect.deleteProperty(copy.objectTypes.book?.properties.title ?? {}, 'required'),
    ],
    [
      'asks for fewer people whatever is done to a type',
      '/objectTypes/book/minimumApprovals',
      (copy) => Object.assign(copy.objectTypes.book ?? {}, { minimumApprovals: 0 }),
    ],
    [
      'deletes along a new link',
      '/linkTypes/more',
      (copy) =>
        Object.assign(copy.linkTypes, {
          more: { from: 'shelf', to: 'book', cardinality: 'one-to-many', via: 'shelf', onDelete: 'delete' },
        }),
    ],
    ['says for how long actions may be reverted', '/revertWithin', (copy) => Object.assign(copy, { revertWithin: 'P1D' })],
    ['drops what changes of itself are asked', '/governance', (copy) => Reflect.deleteProperty(copy, 'governance')],
    ['asks less of changes of itself', '/governance/loosening', (copy) => Object.assign(copy.governance ?? {}, { loosening: 'one' })],
  ])('%s', (_, pointer, change) => {
    expect(loosenings(change)).toEqual([pointer]);
  });

  it('makes the rule for changes of itself stricter, which might shut everybody out', () => {
    const stricter: Change = (copy) => Object.assign(copy.approvalPolicies.board?.stages[0]?.thresholds[0] ?? {}, { needed: 99 });
    expect(loosenings(stricter)).toEqual(['/approvalPolicies/board/stages/0/thresholds/0/needed']);
  });

  it.each<[string, Change]>([
    ['needs fewer approvals', (copy) => Object.assign(threshold(copy), { needed: 1 })],
    ['tolerates more denials', (copy) => Object.assign(threshold(copy), { toleratedDenials: 2 })],
    ['asks other people', (copy) => Object.assign(threshold(copy), { reviewers: 'true' })],
    ['asks people of fewer teams', (copy) => Reflect.deleteProperty(stage(copy), 'teams')],
    ['asks a stage under another condition', (copy) => Object.assign(stage(copy, 1), { when: 'price > 60' })],
    ['takes a stage away', (copy) => policy(copy).stages.pop()],
    ['puts stages in another order', (copy) => policy(copy).stages.reverse()],
    ['is content with any threshold', (copy) => Object.assign(stage(copy), { require: 'any' })],
    ['lets one person fill several stages', (copy) => Object.assign(policy(copy), { distinctReviewers: false })],
    ['approves by itself under another condition', (copy) => Object.assign(policy(copy).automatic ?? {}, { condition: 'true' })],
    ['approves more by itself', (copy) => Object.assign(policy(copy).automatic?.ceilings ?? {}, { edits: 6 })],
    ['drops a ceiling of that', (copy) => Reflect.deleteProperty(policy(copy).automatic?.ceilings ?? {}, 'edits')],
    ['approves by itself what is sensitive', (copy) => Object.assign(policy(copy).automatic ?? {}, { sensitive: ['book.notes'] })],
    ['asks others when nobody answers', (copy) => Object.assign(policy(copy), { escalate: { after: 'PT1H', to: ['head'] } })],
    ['lets glass be broken', (copy) => Object.assign(policy(copy), { breakGlass: { roles: ['on-call'], approvals: 0 } })],
    [
      'adds a threshold to a stage that asks for teams, for which those may speak whom it admits',
      (copy) => stage(copy).thresholds.push({ name: 'anybody', needed: 1, reviewers: 'true' }),
    ],
    ['lets approvals last', (copy) => Reflect.deleteProperty(policy(copy), 'approvalsLast')],
    ['lets proposals wait longer', (copy) => Object.assign(policy(copy), { expiresAfter: 'P2D' })],
    ['says a word that is not known here', (copy) => Object.assign(policy(copy), { amnesty: true })],
  ])('has an approval policy that %s', (_, change) => {
    const found = loosenings(change);
    expect(found.length).toBeGreaterThan(0);
    expect(found.every((pointer) => pointer.startsWith('/approvalPolicies/two'))).toBe(true);
  });
});

const asksHeadAlways: Change = (copy) => Reflect.deleteProperty(stage(copy, 1), 'when');

describe('where glass may be broken, whoever any stage admits counts for an emergency, so a document loosens that', () => {
  const breakable = structuredClone(library) as OntologyDocument;
  Object.assign(breakable.approvalPolicies?.two ?? {}, { breakGlass: { roles: ['on-call'], approvals: 1, reviewWithin: 'PT1H' } });

  it.each<[string, Change]>([
    ['adds a stage', (copy) => policy(copy).stages.unshift({ name: 'anybody', thresholds: [{ needed: 1, reviewers: 'true' }] })],
    ['adds a threshold', (copy) => stage(copy, 1).thresholds.push({ name: 'anybody', needed: 1, reviewers: 'true' })],
    ['asks a stage whatever is planned', asksHeadAlways],
  ])('%s', (_, change) => {
    expect(loosenings(change, breakable).length).toBeGreaterThan(0);
  });

  it('and only tightens that needs more approvals', () => {
    expect(loosenings((copy) => Object.assign(threshold(copy), { needed: 3 }), breakable)).toEqual([]);
  });
});

describe('a higher risk, or one more sensitive value, where something goes by it', () => {
  const riskier: Change = (copy) => Object.assign(copy.actionTypes.price ?? {}, { riskTier: 'high' });
  const hidden: Change = (copy) => Object.assign(copy.objectTypes.book?.properties.price ?? {}, { sensitive: true });
  const under = (condition: string): OntologyDocument => {
    const copy = structuredClone(library) as OntologyDocument;
    Object.assign(copy.approvalPolicies?.one?.stages[0] ?? {}, { when: condition });
    return copy;
  };
  const risk = ['/actionTypes/price/riskTier'];

  it.each<[string, string[]]>([
    ["plan.riskTier != 'high'", risk],
    ["!(plan.riskTier == 'high')", risk],
    ["plan['riskTier'] == 'low'", risk],
    ["[plan].exists(p, p.riskTier == 'low')", risk],
    ['plan.edits > 3', []],
    ["note.startsWith('plan.riskTier')", []],
  ])('loosens as far as can be told: %s', (condition, pointers) => {
    expect(loosenings(riskier, under(condition))).toEqual(pointers);
  });

  it('loosens where what is sensitive is asked about', () => {
    expect(loosenings(hidden, under('size(plan.sensitive) == 0'))).toEqual(['/objectTypes/book/properties/price/sensitive']);
    expect(loosenings(riskier, under('size(plan.sensitive) == 0'))).toEqual([]);
  });

  it('so does a parameter that policies see the amount of, and whoever approves more, of whom they see how many there are', () => {
    const under = (change: Change, ...goneBy: PlannedFact[]) => {
      const copy = structuredClone(library) as unknown as Parameters<Change>[0];
      change(copy);
      const after = copy as unknown as OntologyDocument;
      return ontologyLoosenings(library, after, diffDocuments(library, after), goneBy).length;
    };
    const hiddenAmount: Change = (copy) =>
      Object.assign((copy.actionTypes.price as { parameters: { price: object } }).parameters.price, { sensitive: true });
    const stageMore: Change = (copy) => policy(copy).stages.push({ name: 'board', thresholds: [{ needed: 1, reviewers: 'true' }] });
    expect([under(hiddenAmount, 'amounts'), under(hiddenAmount, 'approvals'), under(hidden, 'amounts')]).toEqual([1, 0, 0]);
    expect(under(stageMore, 'approvals')).toBeGreaterThan(0);
    expect(under(stageMore, 'amounts')).toBe(0);
    expect([under(asksHeadAlways, 'approvals'), under(asksHeadAlways, 'amounts')]).toEqual([1, 0]);
  });

  it('loosens where policies go by it', () => {
    const copy = structuredClone(library) as unknown as Parameters<Change>[0];
    riskier(copy);
    const after = copy as unknown as OntologyDocument;
    expect(ontologyLoosenings(library, after, diffDocuments(library, after), ['riskTier'])).toMatchObject([{ pointer: risk[0] }]);
    expect(ontologyLoosenings(library, after, diffDocuments(library, after), ['sensitive'])).toEqual([]);
  });
});
