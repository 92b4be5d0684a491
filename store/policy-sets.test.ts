import { describe, expect, it } from 'vitest';
import type { PolicyDecision, PolicyRequest } from '../ontology/policy-engine.ts';
import { cedar } from '../policy/cedar.ts';
import { PolicySets } from './policy-sets.ts';

const question: PolicyRequest = {
  principal: { id: 'anna', kind: 'user', roles: ['keeper'], teams: [], actsFor: null },
  action: 'review',
  resource: 'closeRoom',
  context: { now: '2026-01-01T00:00:00.000Z' },
};
const allowed: PolicyDecision = { decision: 'allow', policies: ['all'], errors: [] };

/** An engine that gives these answers, one after the other, and the last for ever. */
function asked(...answers: PolicyDecision[]) {
  const questions: PolicyRequest[] = [];
  const decide = (_set: unknown, request: PolicyRequest): PolicyDecision => {
    questions.push(request);
    return answers[Math.min(questions.length, answers.length) - 1] as PolicyDecision;
  };
  return { sets: new PolicySets({ ...cedar, engine: { decide } }), questions };
}
const builtIn = { version: 0, set: cedar.defaults, goesBy: [] };

describe('what the built-in policies answer', () => {
  it('is asked for once, and again for whatever differs in the question', async () => {
    const { sets, questions } = asked(allowed);
    const others: PolicyRequest[] = [
      question,
      { ...question, action: 'propose' },
      { ...question, resource: 'openRoom' },
      { ...question, principal: { ...question.principal, id: 'bert' } },
      { ...question, principal: { ...question.principal, kind: 'agent' } },
      { ...question, principal: { ...question.principal, roles: [] } },
      { ...question, principal: { ...question.principal, teams: ['blue'] } },
    ];
    for (const one of [...others, ...others]) expect(await sets.decide(builtIn, one)).toEqual(allowed);
    expect(questions).toEqual(others);
  });

  it('is kept in the same few bytes, whatever groups and teams the question names', async () => {
    const { sets } = asked(allowed);
    const roles = Array.from({ length: 1_000 }, (_, at) => `a group with a long name ${at}`);
    await sets.decide(builtIn, { ...question, principal: { ...question.principal, roles } });
    const kept = Reflect.get(sets, 'answers') as Map<string, PolicyDecision>;
    expect([...kept.keys()].map(({ length }) => length)).toEqual([64]);
  });

  it('is asked for again where the engine failed', async () => {
    const { sets } = asked({ decision: 'deny', policies: [], errors: ['the engine failed'] }, allowed);
    expect((await sets.decide(builtIn, question)).decision).toBe('deny');
    expect((await sets.decide(builtIn, question)).decision).toBe('allow');
  });
});

it('what a tenant\u2019s own policies answer is asked for each time', async () => {
  const { sets, questions } = asked(allowed);
  const own = { version: 1, set: { key: 'a/1', policies: {} }, goesBy: [] };
  await sets.decide(own, question);
  await sets.decide(own, question);
  expect(questions.length).toBe(2);
});
