import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { compileOntology } from '../compile-ontology.ts';
import { evaluate } from '../evaluate.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import type { OntologyFunction } from '../ontology-function.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** What comes of an action that this function does. */
function outcomeOf(run: OntologyFunction['run']) {
  const compiled = compileOntology(
    {
      objectTypes: { bin: { key: 'code', properties: { code: { type: 'string', required: true } } } },
      actionTypes: {
        empty: {
          parameters: {},
          rules: [{ rule: 'function', name: 'emptied', version: 1, writes: [{ type: 'bin', operations: ['delete'] }] }],
          approvalPolicy: 'none',
        },
      },
      approvalPolicies: {
        none: { expiresAfter: 'PT1H', stages: [{ name: 'one', thresholds: [{ needed: 1, reviewers: 'true' }] }] },
      },
    },
    [{ name: 'emptied', version: 1, run }],
  );
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return evaluate(compiled.ontology, 'empty', {}, new MemorySnapshot(compiled.ontology), {
    ...{ tenant: 't', actionTypeVersion: 1, evaluatedAt: '2026-01-01T00:00:00.000Z', revisionSeed: 'seed' },
    proposer: { id: 'anna', kind: 'user', roles: [] },
  });
}

it('an action whose function never returns is invalid, and says so, instead of holding what it reads for ever', async () => {
  const outcome = outcomeOf(async (_, snapshot) => {
    await snapshot.get('bin', ['A']);
    return new Promise(() => undefined);
  });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await outcome).toMatchObject({
    kind: 'invalid',
    faults: [{ code: 'function_failed', message: 'emptied did not return within 30 s' }],
  });
});
