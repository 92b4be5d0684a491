import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { flightNetwork } from '../examples/flight-network/ontology.ts';
import warehouse from '../tests/fixtures/warehouse.json' with { type: 'json' };
import { compileOntology } from './compile-ontology.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import { ontologyJsonSchema } from './definition-schema.ts';
import { parseParameters } from './parameters.ts';

type Changes = Record<string, unknown>;

/** The warehouse with the values at some pointers replaced, or taken out where undefined. */
function documentWith(changes: Changes): unknown {
  const document: unknown = structuredClone(warehouse);
  for (const [pointer, value] of Object.entries(changes)) {
    const steps = pointer.slice(1).split('/');
    const last = steps.pop() as string;
    const parent = steps.reduce((at, step) => (at as Changes)[step], document) as Changes;
    if (value === undefined) {
      delete parent[last];
    } else {
      parent[last] = value;
    }
  }
  return document;
}

function compiled(changes: Changes = {}): CompiledOntology {
  const outcome = compileOntology(documentWith(changes));
  if (!outcome.ok) {
    throw new Error(JSON.stringify(outcome.faults));
  }
  return outcome.ontology;
}

function faults(changes: Changes): string {
  const outcome = compileOntology(documentWith(changes));
  return outcome.ok ? '' : outcome.faults.map(({ pointer, message }) => `${pointer}: ${message}`).join('\n');
}

/** What is refused, where the document is spoilt, with what, and what is said about it. */
const refusals: [string, string, unknown, RegExp][] = [
  ['a key it does not know', '/actionTypes/store/limit', {}, /^\/actionTypes\/store\/limit: is not known here/],
  ['an unknown property type', '/objectTypes/bin/properties/zone/type', 'text', /^\/objectTypes\/bin\/properties\/zone\/type: /],
  [
    'a reference to nowhere',
    '/objectTypes/shipment/properties/bin/to',
    'box',
    /^\/objectTypes\/shipment\/properties\/bin\/to: there is no object type box/,
  ],
  ['a key that is no string', '/objectTypes/bin/key', 'capacity', /^\/objectTypes\/bin\/key: the key property must be a string/],
  [
    'a default that does not fit',
    '/objectTypes/product/properties/sold/default',
    0,
    /^\/objectTypes\/product\/properties\/sold\/default: must be a whole number of 64 bits/,
  ],
  [
    'readers of sensitive values that are no condition',
    '/sensitiveReaders',
    "reader.id + 'x'",
    /^\/sensitiveReaders: must be true or false/,
  ],
  [
    'readers who are no readers',
    '/objectTypes/bin/sensitiveReaders',
    "'x' in reviewer.roles",
    /^\/objectTypes\/bin\/sensitiveReaders: the expression language says: Unknown variable: reviewer/,
  ],
  [
    'readers of parameters with an unknown field',
    '/actionTypes/store/sensitiveReaders',
    'reader.role',
    /^\/actionTypes\/store\/sensitiveReaders: the expression language says: No such key: role/,
  ],
  ['a key that is sensitive', '/objectTypes/product/properties/sku/sensitive', true, /sensitive: a key is the id/],
  ['a pattern that is none', '/objectTypes/product/properties/sku/pattern', '(', /sku\/pattern: is no regular expression/],
  [
    'a pattern that RE2 does not take',
    '/objectTypes/product/properties/sku/pattern',
    '(?=A)[A-Z]+',
    /^\/objectTypes\/product\/properties\/sku\/pattern: is no regular expression of RE2, which has no look-around/,
  ],
  [
    'a pattern of a parameter that RE2 does not take',
    '/actionTypes/store/parameters/note',
    { type: 'string', pattern: '(a)\\1' },
    /^\/actionTypes\/store\/parameters\/note\/pattern: is no regular expression of RE2/,
  ],
  [
    'a pattern in an expression that RE2 does not take',
    '/actionTypes/store/criteria/0/condition',
    'bin.zone.matches("(?!x)")',
    /^\/actionTypes\/store\/criteria\/0\/condition: what matches\(\) is given is no regular expression of RE2/,
  ],
  [
    'a key that need not be there',
    '/objectTypes/product/properties/sku/required',
    false,
    /^\/objectTypes\/product\/properties\/sku\/required: a key is always required/,
  ],
  [
    'a link held by a property that is no reference to it',
    '/linkTypes/contents/via',
    'product',
    /^\/linkTypes\/contents\/via: must be a property of shipment that refers to bin/,
  ],
  [
    'a link type named like an object type',
    '/linkTypes/bin',
    warehouse.linkTypes.supplies,
    /^\/linkTypes\/bin: an object type has the same name/,
  ],
  [
    'a policy that does not exist',
    '/actionTypes/store/approvalPolicy',
    'none',
    /^\/actionTypes\/store\/approvalPolicy: there is no approval policy none/,
  ],
  [
    'a name that is not in reach',
    '/actionTypes/store/criteria/0/condition',
    'box.capacity > 1',
    /^\/actionTypes\/store\/criteria\/0\/condition: the expression language says: Unknown variable: box \(at character 1\)/,
  ],
  ['a property that does not exist', '/actionTypes/store/criteria/0/condition', 'bin.size > 1', /No such key: size/],
  ['a property that does not exist under has', '/actionTypes/store/criteria/0/condition', 'has(bin.size)', /bin has no property size/],
  ['a criterion that is no condition', '/actionTypes/store/criteria/0/condition', 'bin.capacity', /must be true or false, but is int/],
  ['a comparison of unlike types', '/actionTypes/store/criteria/0/condition', 'bin.capacity == "3"', /no such overload: int == string/],
  ['a word that the enum does not have', '/actionTypes/store/criteria/0/condition', 'bin.zone == "warm"', /"warm" is none of cold, dry/],
  [
    'text that is no expression',
    '/actionTypes/store/criteria/0/condition',
    'bin.capacity >',
    /^\/actionTypes\/store\/criteria\/0\/condition: /,
  ],
  [
    'a value of the wrong type',
    '/actionTypes/store/rules/0/set/bin',
    '3',
    /^\/actionTypes\/store\/rules\/0\/set\/bin: must be reference, but is int/,
  ],
  ['a value outside the enum', '/actionTypes/store/rules/0/set/status', "'gone'", /"gone" is none of expected, stored/],
  ['an object of another type', '/actionTypes/store/rules/0/object', 'bin', /must be a shipment or the id of one, but is object.bin/],
  ['a change of the key', '/actionTypes/discontinue/rules/0/set/sku', '"AA-0000"', /sku is the key of product and cannot change/],
  ['unsetting what is required', '/actionTypes/discontinue/rules/0/unset', ['name'], /rules\/0\/unset\/0: name is required/],
  [
    'a create that leaves out what is required',
    '/actionTypes/expect/rules/0/set/quantity',
    undefined,
    /rules\/0\/set: quantity is required/,
  ],
  ['a link rule on a reference', '/actionTypes/discontinue/rules/1/link', 'contents', /contents is held by shipment.bin; modify that/],
  ['a loop variable that hides another', '/actionTypes/emptyBin/rules/0/as', 'bin', /rules\/0\/as: bin is taken/],
  [
    'a walk that starts at the wrong type',
    '/actionTypes/emptyBin/rules/0/in/link',
    'supplies',
    /must be a supplier or a product, but is object.bin/,
  ],
  [
    'a query the database cannot answer',
    '/actionTypes/discontinue/rules/3/in/query/where',
    'quantity * 2 > 3',
    /one side must be a property alone/,
  ],
  [
    'a function that is not registered',
    '/actionTypes/store/rules',
    [{ rule: 'function', name: 'x', version: 1, writes: [{ type: 'bin', operations: ['delete'] }] }],
    /no function x of version 1 is registered/,
  ],
  [
    'a policy below the floor of a type',
    '/objectTypes/supplier/minimumApprovals',
    2,
    /supplier asks for 2 approvals, and this policy may do with 1/,
  ],
  [
    'reviewers that cannot be told',
    '/approvalPolicies/four-eyes/stages/0/thresholds/0/reviewers',
    'reviewer.role == "x"',
    /thresholds\/0\/reviewers: the expression language says: No such key: role/,
  ],
  [
    'automatic approval without a ceiling',
    '/approvalPolicies/four-eyes/automatic',
    { condition: 'true', ceilings: {} },
    /at least one ceiling is required/,
  ],
  [
    'a ceiling on what is no number',
    '/approvalPolicies/four-eyes/automatic',
    { condition: 'true', ceilings: { parameters: { bin: 1 } } },
    /has no numeric parameter bin/,
  ],
  [
    'a reminder after the expiry',
    '/approvalPolicies/four-eyes/remind',
    { after: 'P30D' },
    /remind\/after: a proposal expires after .*, before that/,
  ],
  [
    'reminders without end',
    '/approvalPolicies/four-eyes/remind',
    { after: 'PT1S', every: 'PT1S' },
    /remind\/every: .*more than 100 reminders/,
  ],
  ['an escalation to nobody', '/approvalPolicies/four-eyes/escalate', { after: 'PT1S' }, /escalate: an escalation tells roles/],
  [
    'an escalation of a stage that is not there',
    '/approvalPolicies/four-eyes/escalate',
    { after: 'PT1S', reviewers: { nowhere: 'true' } },
    /reviewers\/nowhere: there is no such stage/,
  ],
  [
    'an escalation to whom no expression names',
    '/approvalPolicies/four-eyes/escalate',
    { after: 'PT1S', reviewers: { nowhere: 'reviewer.role' } },
    /reviewers\/nowhere: the expression language says: No such key: role/,
  ],
  [
    'an emergency that needs as many approvals as any day',
    '/approvalPolicies/four-eyes/breakGlass',
    { roles: ['on-call'], approvals: 5, reviewWithin: 'PT1H', reviewers: 'true' },
    /breakGlass\/approvals: the stages ask for no more than \d anyway/,
  ],
  [
    'an emergency that nobody reviews',
    '/approvalPolicies/four-eyes/breakGlass',
    { roles: ['on-call'], approvals: 0, reviewWithin: 'PT1H', reviewers: 'reviewer.role' },
    /breakGlass\/reviewers: the expression language says: No such key: role/,
  ],
  ['a duration of nothing', '/approvalPolicies/four-eyes/expiresAfter', 'PT0S', /four-eyes\/expiresAfter: must be .*longer than nothing/],
  [
    'a duration of nothing, in days',
    '/approvalPolicies/four-eyes/expiresAfter',
    'P0W00DT0H',
    /expiresAfter: must be .*longer than nothing/,
  ],
  ['a duration of less', '/approvalPolicies/four-eyes/expiresAfter', '-PT1H', /expiresAfter: must be .*longer than nothing/],
  ['a duration that is none', '/approvalPolicies/four-eyes/expiresAfter', '3 days', /expiresAfter: must be an ISO 8601 duration/],
  [
    'a parameter named like something given',
    '/actionTypes/store/parameters/proposer',
    { type: 'string' },
    /parameters\/proposer: is a word/,
  ],
  ['a name from every object’s prototype', '/objectTypes/bin/properties/constructor', { type: 'string' }, /properties/],
];

describe('compiling an ontology', () => {
  it.each(refusals)('refuses %s, with a pointer', (_, pointer, value, expected) => {
    expect(faults({ [pointer]: value })).toMatch(expected);
  });

  it('survives a document that nests without end', () => {
    let rule: unknown = {};
    for (let depth = 0; depth < 50_000; depth++) {
      rule = { rule: 'forEach', do: [rule] };
    }
    expect(compileOntology({ objectTypes: {}, actionTypes: { a: { rules: [rule] } } }).ok).toBe(false);
    for (const junk of [null, 3, 'x', [], {}, { objectTypes: [] }, JSON.parse('{"objectTypes":{"__proto__":{"properties":{}}}}')]) {
      expect(() => compileOntology(junk)).not.toThrow();
    }
  });

  it('derives what the door holds an action to', () => {
    const { actionTypes } = compiled();
    expect(actionTypes.get('discontinue')?.surface).toEqual([
      { type: 'product', operation: 'modify', properties: ['discontinued', 'price'] },
      { type: 'shipment', operation: 'delete' },
      { type: 'substitutes', operation: 'link' },
      { type: 'substitutes', operation: 'unlink' },
    ]);
    expect(actionTypes.get('expect')?.surface).toEqual([
      { type: 'shipment', operation: 'create', properties: ['dueAt', 'product', 'quantity', 'status'] },
    ]);
    expect(actionTypes.get('store')).toMatchObject({ ceilings: { edits: 10_000, objects: {} }, floors: [{ approvals: 1, ceilings: {} }] });
  });

  it('raises the version of an action only for what it means and refers to', () => {
    const digests = (changes?: Changes) =>
      new Map([...compiled(changes).actionTypes].map(([name, action]) => [name, action.definitionDigest]));
    const before = digests();
    const changed = (pointer: string, value: unknown) =>
      [...digests({ [pointer]: value })].flatMap(([name, digest]) => (digest === before.get(name) ? [] : [name])).sort();
    expect(changed('/objectTypes/product/title', 'Product')).toEqual([]);
    expect(changed('/actionTypes/store/description', 'Puts it away')).toEqual([]);
    expect(changed('/objectTypes/product/properties/sold/sensitive', true)).toEqual([]);
    const late = { name: 'late', when: 'plan.edits > 9', thresholds: [{ needed: 1, reviewers: 'true' }] };
    const asking = { '/approvalPolicies/four-eyes/stages/1': late };
    const marked = digests({ ...asking, '/objectTypes/product/properties/sold/sensitive': true });
    expect([...digests(asking)].flatMap(([name, digest]) => (digest === marked.get(name) ? [] : [name]))).toContain('store');
    expect(changed('/actionTypes/store/sensitiveReaders', "'x' in reader.roles")).toEqual([]);
    expect(changed('/objectTypes/bin/properties/note', { type: 'string' })).toEqual(['addBins']);
    expect(changed('/objectTypes/product/properties/sold/unit', 'pieces')).toContain('store');
    expect(changed('/objectTypes/shipment/properties/quantity/maximum', 9)).toEqual(['discontinue', 'expect', 'store']);
    expect(changed('/actionTypes/issueCard/riskTier', 'high')).toEqual(['issueCard']);
    expect(changed('/approvalPolicies/four-eyes/expiresAfter', 'P2D')).toEqual([...before.keys()].sort());
  });

  it('publishes its JSON Schema, by which an editor takes what the product takes and underlines a word that it does not know', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    const validate = ajv.compile(ontologyJsonSchema());
    for (const document of [warehouse, JSON.parse(JSON.stringify(flightNetwork))]) {
      validate(document);
      expect(validate.errors ?? []).toEqual([]);
    }
    const misspelt = { ...warehouse, actionTypes: { ...warehouse.actionTypes, store: { ...warehouse.actionTypes.store, policies: 'x' } } };
    expect(validate(misspelt)).toBe(false);
    expect(JSON.stringify(validate.errors)).toContain('policies');
  });
});

describe('parameters', () => {
  const parse = (action: string, json: unknown) => {
    const outcome = parseParameters(compiled(), action, json);
    return outcome.ok ? outcome.text : outcome.faults.map(({ code, pointer, message }) => `${code} ${pointer}: ${message}`);
  };

  it('come out in one canonical text', () => {
    expect(parse('reprice', { type: 'food', factor: '01.50' })).toEqual([
      'invalid_parameters /parameters/factor: must be a decimal number of at most 100 characters, written as a string',
    ]);
    expect(parse('reprice', { type: null, factor: '-0.50' })).toBe('{"factor":"-0.5"}');
    expect(parse('add-products', { rows: [{ sku: 'AA-0001' }] })).toBe('{"rows":[{"sku":"AA-0001","type":"tool"}]}');
  });

  it('are refused with a pointer to each fault', () => {
    expect(parse('add-products', { rows: [{ sku: 7, price: '1e3', colour: 'red' }, null], extra: 1 })).toEqual([
      'unknown_field /parameters/extra: extra is not known here',
      'unknown_field /parameters/rows/0/colour: colour is not known here',
      'invalid_parameters /parameters/rows/0/sku: must be text',
      'invalid_parameters /parameters/rows/0/price: must be a decimal number of at most 100 characters, written as a string',
      'invalid_parameters /parameters/rows/1: must be an object',
    ]);
    expect(parse('store', JSON.parse('{"__proto__":{"shipment":"x"},"bin":"b\\u0000"}'))).toEqual([
      'unknown_field /parameters/__proto__: __proto__ is not known here',
      'invalid_parameters /parameters/shipment: is required',
      'invalid_parameters /parameters/bin: must be the id of an object of type bin',
    ]);
    expect(parse('nothing', {})).toEqual(['unknown_action_type undefined: there is no action type nothing']);
  });

  it('have a JSON Schema', () => {
    expect(compiled().actionTypes.get('expect')?.parametersSchema).toMatchObject({
      type: 'object',
      required: ['product', 'quantity', 'days'],
      additionalProperties: false,
      properties: { product: { type: 'string', 'x-reference-to': 'product' }, quantity: { type: 'integer' } },
    });
  });
});
