import { expect, it } from 'vitest';
import { combinePrompts } from './combine-prompts.ts';
import type { ApprovalPolicyDefinition } from './definition.ts';

const policy = (more: Partial<ApprovalPolicyDefinition>): ApprovalPolicyDefinition => ({
  stages: [{ name: 's', thresholds: [{ needed: 1, reviewers: 'true' }] }],
  expiresAfter: 'PT1H',
  ...more,
});
const combined = (...policies: Partial<ApprovalPolicyDefinition>[]) => {
  const { counts, ...prompts } = combinePrompts(policies.map(policy), 'PT1H');
  return { ...prompts, counted: policies.map(({ escalate }) => counts(escalate)) };
};

it('a plan under several policies escalates no earlier than any of them says, in whatever order they come', () => {
  const soon = { escalate: { after: 'PT1M', to: ['keeper'] } };
  const late = { escalate: { after: 'PT50M', reviewers: { s: 'true' } } };
  for (const policies of [
    [soon, late],
    [late, {}, soon],
  ])
    expect(combined(...policies)).toMatchObject({ escalate: { after: 'PT50M', to: ['keeper'] } });
});

it('an escalation that would come only after it has expired holds no other up, and adds nobody', () => {
  const soon = { escalate: { after: 'PT1M', to: ['keeper'] } };
  const never = { escalate: { after: 'PT1H', to: ['head'], reviewers: { s: 'true' } } };
  expect(combined(soon, never)).toEqual({ escalate: { after: 'PT1M', to: ['keeper'] }, counted: [true, false] });
  expect(combined(never)).toEqual({ counted: [false] });
});

it('it reminds no earlier and no more often than any of them says that reminds before it expires', () => {
  const often = { remind: { after: 'PT1M', every: 'PT2M' } };
  const seldom = { remind: { after: 'PT10M', every: 'PT20M' } };
  expect(combined(often, seldom, { remind: { after: 'PT2H' } })).toEqual({
    remind: { after: 'PT10M', every: 'PT20M' },
    counted: [false, false, false],
  });
  expect(combined({}, { remind: { after: 'PT5M' } })).toEqual({ remind: { after: 'PT5M' }, counted: [false, false] });
});
