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

const notProposer = "!('keeper' in proposer.roles)";
const parameter = (more: object) => action({ parameters: { p: { type: 'integer', ...more } } });

it.each<[string, OntologyDocument, boolean | 'of any']>([
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
  ['bounds a parameter of those with it', parameter({ constraints: [{ condition: `${notProposer} || p < 10`, message: '' }] }), true],
  ['bounds a parameter of those without it', parameter({ constraints: [{ condition: "'keeper' in proposer.roles", message: '' }] }), false],
  ['asks those with it for a parameter', parameter({ requiredWhen: "'keeper' in proposer.roles" }), true],
  ['asks those without it for a parameter', parameter({ visibleWhen: notProposer }), true],
  ['fills a parameter in by it', parameter({ prefill: `${notProposer} ? 1 : 2` }), 'of any'],
  ['edits for those without it', action({ rules: [{ rule: 'delete', type: 't', object: 'x', when: notProposer }] }), true],
  ['spares what those with it name', action({ rules: [{ rule: 'if', condition: "'keeper' in proposer.roles", else: [] }] }), true],
  ['sets a property by it', action({ rules: [{ rule: 'modify', type: 't', object: 'x', set: { roles: 'proposer.roles' } }] }), 'of any'],
  [
    'goes through what those without it see',
    action({ rules: [{ rule: 'forEach', as: 'o', in: { query: { type: 't', where: notProposer } }, do: [] }] }),
    true,
  ],
  [
    'sends something by it',
    action({ effects: [{ name: 'e', phase: 'sideEffect', when: notProposer, message: { type: 'm', data: {} } }] }),
    true,
  ],
  [
    'tells by it',
    action({ effects: [{ name: 'e', phase: 'sideEffect', message: { type: 'm', data: [{ a: 'size(proposer.roles)' }] } }] }),
    'of any',
  ],
  ['asks the outside by it', action({ checks: [{ name: 'c', holds: notProposer }] }), true],
  [
    'names whoever proposes in words',
    action({
      rules: [{ rule: 'delete', type: 't', object: 'x', when: "proposer.kind == 'user'" }],
      effects: [{ name: 'e', title: 'Tells the proposer', phase: 'sideEffect', message: { type: 'm', data: 'proposer.id' } }],
    }),
    false,
  ],
  ['shows values to those without it', action({ sensitiveReaders: "!('keeper' in reader.roles)" }), true],
  [
    'shows values of a type to them',
    document({ objectTypes: { t: { properties: {}, sensitiveReaders: "!('keeper' in reader.roles)" } } }),
    true,
  ],
  ['shows all values to them', document({ sensitiveReaders: "!('keeper' in reader.roles)" }), true],
])('a document that %s asks less of somebody without a role: %#', (_, asked, expected) => {
  expect(documentAsksLessWithout(asked, 'keeper')).toBe(expected !== false);
  expect(documentAsksLessWithout(asked, 'clerk')).toBe(expected === 'of any');
});
