import { describe, expect, it } from 'vitest';
import { defaultPolicies } from './default-policies.ts';
import { gainsByLosing } from './gains-by-losing.ts';

const keeper = { kind: 'role', name: 'keeper' } as const;
const gains = (text: string, lost: Parameters<typeof gainsByLosing>[1] = keeper) => gainsByLosing({ it: text }, lost);
const forbid = (rest: string) => `forbid (principal, action == Action::"execute", resource) ${rest};`;
const permit = (rest: string) => `permit (principal, action == Action::"execute", resource) ${rest};`;

describe('somebody without a role', () => {
  it.each([
    ['permits those with it', 'permit (principal in Role::"keeper", action, resource);'],
    ['permits those with it on a condition', permit('when { principal.roles.contains("keeper") && context.approvals > 1 }')],
    [
      'permits those with one of several',
      permit('when { principal in [Role::"keeper", Team::"day"] || principal.roles.containsAny(["keeper"]) }'),
    ],
    ['spares those with it', forbid('unless { principal in Role::"keeper" }')],
    ['spares those with it in other words', forbid('when { !(principal.roles.contains("keeper")) }')],
    ['spares those on whose behalf it is', forbid('unless { context has onBehalfOf && context.onBehalfOf.roles.contains("keeper") }')],
    ['forbids those with another', 'forbid (principal in Role::"clerk", action, resource);'],
    ['forbids a team of that name', 'forbid (principal in Team::"keeper", action, resource);'],
    ['speaks of nobody', forbid('when { context.plan.edits.total > 3 && principal.id == "ann" }')],
    ['goes by the plan alone', permit('when { if context.approvals > 1 then true else principal is Principal }')],
  ])('is allowed no more by a policy that %s', (_, text) => {
    expect(gains(text)).toBe(false);
  });

  it.each([
    ['forbids those with it', 'forbid (principal in Role::"keeper", action, resource);'],
    ['forbids those with it among principals', 'forbid (principal is Principal in Role::"keeper", action, resource);'],
    ['forbids those with it on a condition', forbid('when { principal.roles.contains("keeper") }')],
    ['forbids those with one of several', forbid('when { principal in [Role::"clerk", Role::"keeper"] }')],
    ['forbids it of a kind', forbid('when { principal is Principal in Role::"keeper" }')],
    ['forbids those with it in escaped words', forbid('when { principal["ro\\u{6c}es"].contains("k\\u{65}eper") }')],
    ['permits those without it', permit('unless { principal in Role::"keeper" }')],
    ['permits those without it in other words', permit('when { !(principal.roles.containsAll(["keeper"])) }')],
    ['permits those with nothing else', permit('when { principal.roles == ["clerk"] }')],
    ['forbids those with any', forbid('when { !principal.roles.isEmpty() }')],
    ['goes by them either way', permit('when { if principal in Role::"keeper" then false else true }')],
    ['compares', permit('when { (principal in Role::"keeper") == false }')],
    ['counts on whose behalf it is', forbid('when { context has onBehalfOf && context.onBehalfOf.roles.contains("keeper") }')],
    ['goes by what both have', forbid('when { principal.roles.containsAny(principal.teams) }')],
    ['is none', 'permit when'],
  ])('may be allowed more by a policy that %s', (_, text) => {
    expect(gains(text)).toBe(true);
  });

  it('is told apart from somebody without a team', () => {
    const text = 'forbid (principal in Team::"night", action, resource);';
    expect([gains(text, { kind: 'team', name: 'night' }), gains(text, { kind: 'role', name: 'night' })]).toEqual([true, false]);
  });
});

it('the built-in policies allow nobody more for having less, but for whom they tell apart by having nothing else', () => {
  const { 'actors-propose': own, ...others } = defaultPolicies.policies;
  expect(gainsByLosing({ others: others['operators-stop'] ?? '' }, { kind: 'role', name: 'operator' })).toBe(false);
  expect(gains(own ?? '')).toBe(true); // In force they are not asked: whoever has `auditor` alone has nothing without it.
});
