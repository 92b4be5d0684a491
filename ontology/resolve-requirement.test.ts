import { describe, expect, it } from 'vitest';
import { compileOntology } from './compile-ontology.ts';
import type { CompiledActionType } from './compiled-ontology.ts';
import type { JsonObject } from './json.ts';
import type { PlanSummary } from './plan.ts';
import { resolveRequirement, whyAsked } from './resolve-requirement.ts';

const thresholds = [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }];
const outcome = compileOntology({
  objectTypes: { badge: { key: 'code', properties: { code: { type: 'string' }, pin: { type: 'string', sensitive: true } } } },
  actionTypes: {
    issue: {
      parameters: { code: { type: 'string', required: true }, cost: { type: 'double' } },
      rules: [{ rule: 'create', type: 'badge', set: { code: 'code' } }],
      approvalPolicy: 'alone',
    },
  },
  approvalPolicies: {
    alone: {
      expiresAfter: 'PT1H',
      stages: [
        { name: 'always', thresholds },
        { name: 'dear', when: 'cost > 5.0', thresholds },
      ],
      automatic: { condition: "code != 'no'", ceilings: { edits: 2, parameters: { cost: 9 } }, sensitive: ['badge.pin'] },
    },
  },
});
if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
const action = outcome.ontology.actionTypes.get('issue') as CompiledActionType;
const summary = (more: Partial<PlanSummary> = {}): PlanSummary => ({
  edits: { create: 2, modify: 0, delete: 0, link: 0, unlink: 0 },
  ...{ objectTypes: { badge: 2 }, effects: 0, riskTier: 'low', revertible: true, verdicts: [], sensitive: ['badge.pin'], ...more },
});
const parameters: JsonObject = { code: 'a', cost: 9 };

describe('policy alone approves', () => {
  const isAutomatic = (given: JsonObject = parameters, more: Partial<PlanSummary> = {}, asksPeople = false) =>
    resolveRequirement(action, given, given, summary(more), asksPeople).automatic;
  it.each<[string, boolean, boolean]>([
    ['under every ceiling', true, isAutomatic()],
    ['nothing that policies refused', false, isAutomatic(parameters, {}, true)],
    ['no more edits', false, isAutomatic(parameters, { edits: { create: 2, modify: 0, delete: 0, link: 0, unlink: 1 } })],
    ['no higher amount', false, isAutomatic({ ...parameters, cost: 9.5 })],
    ['no lower amount than that below nothing', false, isAutomatic({ ...parameters, cost: -9.5 })],
    ['no amount that is not said', false, isAutomatic({ code: 'a' })],
    ['no sensitive property that it does not name', false, isAutomatic(parameters, { sensitive: ['badge.pin', 'badge.note'] })],
    ['where its condition holds', false, isAutomatic({ ...parameters, code: 'no' })],
    ['where its condition can be computed', false, isAutomatic({ cost: 9 })],
  ])('%s: %s', (_, expected, found) => expect(found).toBe(expected));
});

describe('a stage is asked', () => {
  const asked = (given: JsonObject) => resolveRequirement(action, given, given, summary(), true).stages.map(({ name }) => name);
  it.each([
    ['where its condition holds', { code: 'a', cost: 6 }, ['always', 'dear']],
    ['where its condition cannot be computed', { code: 'a' }, ['always', 'dear']],
    ['not where its condition fails', { code: 'a', cost: 4 }, ['always']],
  ])('%s', (_, given, names) => expect(asked(given)).toEqual(names));

  const why = (...costs: JsonObject[]) => {
    const requirement = resolveRequirement(action, { code: 'a' }, { code: 'a' }, summary(), true);
    const parts = costs.map((frame) => ({ action, frame }));
    return whyAsked(requirement, parts, summary()).asked?.dear?.outcome;
  };
  it.each([
    ['of one action, what became of its condition', 'fails', why({ cost: 1 })],
    ['of several, that one holds where the first does', 'holds', why({ cost: 6 }, { cost: 1 })],
    ['of several, that one holds where the last does', 'holds', why({ cost: 1 }, { cost: 6 })],
    ['of several, that one cannot be computed, where none holds', 'not_computed', why({ cost: 1 }, {})],
  ])('and whoever wants to know is told %s', (_, expected, found) => expect(found).toBe(expected));
});
