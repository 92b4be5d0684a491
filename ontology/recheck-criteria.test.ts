import { describe, expect, it } from 'vitest';
import { compileOntology } from './compile-ontology.ts';
import { MemorySnapshot } from './memory-snapshot.ts';
import { mayLapse, recheckCriteria } from './recheck-criteria.ts';

const proposer = { id: 'p', kind: 'user', roles: [] } as const;

function compile(conditions: string[], set = "'x'") {
  const outcome = compileOntology({
    objectTypes: {
      lot: {
        key: 'name',
        properties: { name: { type: 'string', required: true }, note: { type: 'string' }, closesAt: { type: 'timestamp' } },
      },
    },
    actionTypes: {
      bid: {
        parameters: { lot: { type: 'reference', to: 'lot', required: true }, days: { type: 'array', items: { type: 'timestamp' } } },
        criteria: conditions.map((condition) => ({ condition, message: `not ${condition}` })),
        rules: [{ rule: 'modify', type: 'lot', object: 'lot', set: { note: set } }],
        approvalPolicy: 'one',
      },
    },
    approvalPolicies: { one: { stages: [{ name: 'one', thresholds: [{ needed: 1, reviewers: 'true' }] }], expiresAfter: 'PT1H' } },
  });
  const action = outcome.ok ? outcome.ontology.actionTypes.get('bid') : undefined;
  if (!outcome.ok || action === undefined) throw new Error(JSON.stringify(outcome));
  return { ontology: outcome.ontology, action };
}

describe('whether time alone can make a criterion fail', () => {
  it.each([
    ['evaluatedAt < lot.closesAt', true],
    ['days == null || days.exists(day, day > evaluatedAt)', true],
    ["lot.note == null || lot.note == 'evaluatedAt'", false],
  ])('%s: %s', (condition, answer) => {
    expect(mayLapse(compile(['lot.closesAt != null', condition]).action)).toBe(answer);
  });

  it('does not follow from rules that write the time, nor from no criteria at all', () => {
    expect(mayLapse(compile(['lot.closesAt != null'], 'string(evaluatedAt)').action)).toBe(false);
    expect(mayLapse(compile([], 'string(evaluatedAt)').action)).toBe(false);
  });
});

describe('criteria that are asked again', () => {
  const { ontology, action } = compile([
    'evaluatedAt < lot.closesAt',
    'days == null || days.all(day, day > evaluatedAt)',
    "lot.note != 'sold'",
  ]);
  const snapshot = new MemorySnapshot(ontology);
  snapshot.apply([{ op: 'create', type: 'lot', id: 'L', set: { name: 'L', closesAt: '2026-01-02T00:00:00.000Z' } }]);
  const ask = (now: string, parameters = {}) =>
    recheckCriteria(ontology, action, { lot: 'L', ...parameters }, snapshot, { proposer, evaluatedAt: '2026-01-01T00:00:00.000Z', now });

  it('hold until their time has come, to the millisecond', async () => {
    expect(await ask('2026-01-01T23:59:59.999Z')).toEqual([]);
    expect(await ask('2026-01-02T00:00:00.000Z')).toEqual([
      { code: 'criteria_failed', pointer: '/criteria/0', message: 'not evaluatedAt < lot.closesAt' },
    ]);
  });

  it('are all asked, so that whoever reads the answer learns of each that fails', async () => {
    const faults = await ask('2026-01-03T00:00:00.000Z', { days: ['2026-01-01T00:00:00.000Z'] });
    expect(faults.map(({ pointer }) => pointer)).toEqual(['/criteria/0', '/criteria/1']);
  });

  it('fail, rather than throw, where an object they speak of is gone', async () => {
    expect(await ask('2026-01-01T00:00:00.000Z', { lot: 'M' })).toMatchObject([{ code: 'unknown_reference' }]);
  });
});

describe('what is asked of parameters', () => {
  const outcome = compileOntology({
    objectTypes: { lot: { key: 'name', properties: { name: { type: 'string', required: true } } } },
    actionTypes: {
      bid: {
        parameters: {
          at: { type: 'timestamp', prefill: 'evaluatedAt' },
          until: {
            type: 'timestamp',
            visibleWhen: "evaluatedAt < timestamp('2026-01-09T00:00:00Z')",
            constraints: [{ condition: 'evaluatedAt < until', message: 'too late' }],
          },
        },
        criteria: [{ condition: "at == timestamp('2026-01-01T00:00:00Z')", message: 'filled in anew' }],
        rules: [{ rule: 'create', type: 'lot', set: { name: "'x'" } }],
        approvalPolicy: 'one',
      },
    },
    approvalPolicies: { one: { stages: [{ name: 'one', thresholds: [{ needed: 1, reviewers: 'true' }] }], expiresAfter: 'PT1H' } },
  });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  const { ontology } = outcome;
  const action = ontology.actionTypes.get('bid');
  const ask = (now: string) =>
    recheckCriteria(ontology, action as never, { until: '2026-01-05T00:00:00.000Z' }, new MemorySnapshot(ontology), {
      proposer,
      evaluatedAt: '2026-01-01T00:00:00.000Z',
      now,
    });

  it('is asked again too, while what was filled in stays what it was in the plan', async () => {
    expect(mayLapse(action as never)).toBe(true);
    expect(await ask('2026-01-04T00:00:00.000Z')).toEqual([]);
    expect(await ask('2026-01-05T00:00:00.000Z')).toEqual([
      { code: 'constraint_failed', pointer: '/parameters/until', message: 'too late' },
    ]);
    expect(await ask('2026-01-09T00:00:00.000Z')).toMatchObject([{ code: 'constraint_failed', message: 'must not be given here' }]);
  });
});
