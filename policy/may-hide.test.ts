import { describe, expect, it } from 'vitest';
import { cedar } from './cedar.ts';
import { opaPolicies } from './opa.ts';

const { mayHide, defaults } = cedar;
const all = 'permit (principal, action, resource);';
const see = 'permit (principal, action == Action::"see", resource);';
const see1 = 'permit (principal in Role::"keeper", action == Action::"see", resource);';
const execute = 'forbid (principal, action == Action::"execute", resource);';
const mayFail = 'permit (principal, action == Action::"review", resource) when { context.plan.edits.total + 1 > 0 };';

describe('nothing is hidden by', () => {
  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['what the built-in policies say', defaults.policies, { ...defaults.policies, execute }],
    ['a permit for everything in their place', defaults.policies, { all }],
    ['a permit to see everything', defaults.policies, { see, execute }],
    ['a permit to review that may turn out not to be computed', { all }, { all, it: mayFail }],
    ['a permit that is gone where everybody sees everything', { all, see1 }, { all }],
    ['a permit under another id', { a: see1 }, { b: see1 }],
    ['a permit of something else that is gone', { see, it: 'permit (principal, action == Action::"review", resource);' }, { see }],
    [
      'a prohibition that there was',
      { all, it: `forbid (principal, action == Action::"see", resource);` },
      { all, by: `forbid (principal, action == Action::"see", resource);` },
    ],
    ['a prohibition that is gone', { all, it: 'forbid (principal, action, resource);' }, { all }],
  ])('%s', (_, before, after) => {
    expect(mayHide(before, after)).toEqual([]);
  });
});

describe('something may be hidden by', () => {
  it.each([
    ['a prohibition of seeing', 'forbid (principal, action == Action::"see", resource is ActionType);'],
    ['one for a single person', 'forbid (principal == Principal::"ann", action == Action::"see", resource);'],
    [
      'one of seeing the tenant',
      'forbid (principal, action == Action::"see", resource == Tenant::"") when { context.now < datetime("2026-01-01") };',
    ],
    [
      'one among other actions',
      'forbid (principal, action in [Action::"review", Action::"see"], resource) when { principal.id == "ann" };',
    ],
    ['one of everything', 'forbid (principal, action, resource) when { principal.id == "ann" };'],
    [
      'a permit that may turn out not to be computed',
      'permit (principal, action == Action::"see", resource is ActionType) when { context has plan && context.plan.edits.total + 1 > 0 };',
    ],
    ['a text that cannot be read', 'forbid ('],
  ])('%s', (_, it) => {
    expect(mayHide({ all }, { all, it })).toEqual(['it']);
  });

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['a permit that is gone', { see }, { execute }],
    ['one that is narrower', { see }, { see: see1 }],
    ['one that asks something', { see }, { see: `${see.slice(0, -1)} when { principal.kind == "user" };` }],
    ['one of the tenant alone', { see }, { see: 'permit (principal, action == Action::"see", resource == Tenant::"");' }],
    ['one of something else', { see }, { all: 'permit (principal, action in [Action::"review"], resource);' }],
    ['one for some instead of the built-in ones', defaults.policies, { see1 }],
  ])('%s', (_, before, after) => {
    expect(mayHide(before, after)).toEqual([null]);
  });

  it('whatever is written in Rego, as far as can be told', () => {
    expect(opaPolicies('http://localhost:1').mayHide({ all: 'permit := true' }, { all: 'permit := true' })).toEqual([null]);
  });
});
