import { expect, it } from 'vitest';
import { mayFailWithout, mayHoldWithout } from './cel/what-conditions-go-by.ts';
import type { OntologyDocument } from './definition.ts';
import { documentAsksLessWithout } from './document-conditions.ts';

it.each<[condition: string, mayHold: boolean, mayFail: boolean]>([
  ["'keeper' in reviewer.roles", false, true],
  ["'keeper' in reviewer.roles && reviewer.id != 'ann' || 'head' in reviewer.roles", false, true],
  ["!('keeper' in reviewer.roles)", true, false],
  ["!('clerk' in reviewer.roles)", false, false],
  ["'head' in reviewer.roles && !('keeper' in reviewer.roles)", true, false],
  ["reviewer.kind == 'user'", false, false],
  ['size(reviewer.roles) < 2', true, true],
  ["reviewer.roles.exists(r, r != 'head')", true, true],
  ["('keeper' in reviewer.roles) == false", true, true],
  ["('keeper' in reviewer.roles) ? false : true", true, true],
  ["reviewer['roles'] == []", true, true],
  ['not even a condition', true, true],
])('without a role less, %s may hold: %s, and may fail: %s', (condition, mayHold, mayFail) => {
  expect([mayHoldWithout(condition, 'keeper'), mayFailWithout(condition, 'keeper')]).toEqual([mayHold, mayFail]);
});

const no = "!('keeper' in reviewer.roles)";
const stage = { name: 's', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] };
const document = (more: Partial<OntologyDocument>): OntologyDocument => ({ objectTypes: {}, ...more });
const policy = (more: object) => document({ approvalPolicies: { p: { expiresAfter: 'P1D', stages: [stage], ...more } } });
const action = (more: object) =>
  document({ actionTypes: { a: { parameters: {}, rules: [], approvalPolicy: 'p', ...more } } } as Partial<OntologyDocument>);

it.each<[string, OntologyDocument, boolean]>([
  ['asks for it', policy({}), false],
  ['asks for those without it', policy({ stages: [{ ...stage, thresholds: [{ needed: 1, reviewers: no }] }] }), true],
  ['adds those without it later', policy({ escalate: { after: 'PT1H', reviewers: { s: no } } }), true],
  [
    'has emergencies reviewed by those without it',
    policy({ breakGlass: { roles: ['x'], approvals: 0, reviewWithin: 'P1D', reviewers: no } }),
    true,
  ],
  [
    'approves alone what those without it propose',
    policy({ automatic: { condition: "!('keeper' in proposer.roles)", ceilings: { edits: 1 } } }),
    true,
  ],
  [
    'leaves a stage out for those without it',
    policy({ stages: [stage, { ...stage, name: 't', when: "'keeper' in proposer.roles" }] }),
    true,
  ],
  ['adds a stage for those without it', policy({ stages: [stage, { ...stage, name: 't', when: "!('keeper' in proposer.roles)" }] }), false],
  ['lets those without it propose', action({ proposers: "!('keeper' in proposer.roles)" }), true],
  ['lets those without it fulfil a criterion', action({ criteria: [{ condition: "!('keeper' in proposer.roles)", message: '' }] }), true],
  ['shows values to those without it', action({ sensitiveReaders: "!('keeper' in reader.roles)" }), true],
  [
    'shows values of a type to them',
    document({ objectTypes: { t: { properties: {}, sensitiveReaders: "!('keeper' in reader.roles)" } } }),
    true,
  ],
  ['shows all values to them', document({ sensitiveReaders: "!('keeper' in reader.roles)" }), true],
])('a document that %s asks less of somebody without a role: %#', (_, asked, expected) => {
  expect(documentAsksLessWithout(asked, 'keeper')).toBe(expected);
  expect(documentAsksLessWithout(asked, 'clerk')).toBe(false);
});
