import { describe, expect, it } from 'vitest';
import { effectsOf } from './effects-of.ts';

const when = (condition: string) => `permit (principal, action == Action::"execute", resource) when { ${condition} };`;
const mayFail = (condition: string) => effectsOf([when(condition)])[0]?.mayFail;

describe('what a Cedar policy does', () => {
  it('is read from its text, and is not known of what is none', () => {
    const texts = ['permit (principal, action, resource);', 'forbid (principal, action, resource) unless { 1 + 1 == 2 };', 'permit ('];
    expect(effectsOf(texts)).toEqual([{ effect: 'permit', mayFail: false }, { effect: 'forbid', mayFail: true }, null]);
  });
});

describe('a policy may fail where its condition', () => {
  it.each([
    'context.plan.edits.total * 2 > 0',
    'context.plan.edits.total + 1 > 0',
    'context.plan.edits.total - 1 > 0',
    '-context.plan.edits.total < 0',
    'context.now < datetime("2999-01-01")',
    'if context.approvals > 1 then true else context.plan.edits.total + 1 > 2',
    '[context.approvals + 1].contains(2)',
    'context.now.toDate() == context.now',
    '!(context.approvals * 2 > 1)',
    'decimal("1.0").lessThan(decimal("2.0"))',
  ])('says %s', (condition) => {
    expect(mayFail(condition)).toBe(true);
  });

  it.each([
    'context.plan.edits.total > 2 && context.approvals <= 1',
    'principal in Role::"keeper" || principal in [Role::"a", Team::"b"]',
    'principal is Principal in Role::"keeper"',
    'principal has actsFor && principal.actsFor like "a*"',
    'context.plan.amounts has seats && context.plan.amounts.seats > 30',
    '!principal.roles.contains("keeper") && !principal.roles.isEmpty()',
    'context.plan.objectTypes.containsAny([ObjectType::"room"]) != ["a"].containsAll(["b"])',
    '{a: 1} == {a: 2}',
  ])('never where it says %s', (condition) => {
    expect(mayFail(condition)).toBe(false);
  });
});
