import { expect, it } from 'vitest';
import { compileOntology } from '../../ontology/compile-ontology.ts';
import { evaluate } from '../../ontology/evaluate.ts';
import { MemorySnapshot } from '../../ontology/memory-snapshot.ts';
import { outsideEffects } from '../../ontology/outside-effects.ts';
import { parseParameters } from '../../ontology/parameters.ts';
import type { Simulation } from '../../ontology/plan.ts';
import { runPolicyCases } from '../../ontology/policy-cases.ts';
import { mostTouched, touchedObjects } from '../../ontology/touched-objects.ts';
import { CedarEngine } from '../../policy/cedar-engine.ts';
import { checkPolicies } from '../../policy/check-policies.ts';
import { planForPolicy, vocabularyOf } from '../../store/policy-facts.ts';
import { functions } from './functions.ts';
import { flightPolicies, flightPolicyCases } from './policies.ts';
import { withCarrier } from './with-carrier.ts';

const compiled = compileOntology(withCarrier('https://carrier.example/api'), functions);
if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
const { ontology } = compiled;
const engine = new CedarEngine();
const set = { key: 'flights', policies: flightPolicies };

async function plan(network: MemorySnapshot, actionType: string, json: unknown): Promise<Simulation> {
  const parsed = parseParameters(ontology, actionType, json);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  const outcome = await evaluate(ontology, actionType, parsed.parameters, network, {
    tenant: '00000000-0000-4000-8000-000000000001',
    actionTypeVersion: 1,
    evaluatedAt: '2001-02-01T00:00:00.000Z',
    proposer: { id: 'ops-agent', kind: 'agent', roles: ['ops-agent'] },
    revisionSeed: 'seed',
  });
  if (outcome.kind === 'invalid') throw new Error(JSON.stringify(outcome.faults));
  return outcome.simulation;
}

it('the network’s policies are valid for its document and decide its cases', async () => {
  expect(checkPolicies(flightPolicies, vocabularyOf(ontology))).toEqual([]);
  expect(await runPolicyCases(set, flightPolicyCases, engine, vocabularyOf(ontology))).toEqual([]);
});

it.each([
  ['HNL', 'HI', 'islands-take-three'],
  ['ORD', 'IL', null],
])('what closing %s touches is what they go by', async (iata, state, forbidding) => {
  const network = new MemorySnapshot(ontology);
  const airport = { iata, name: iata, state, country: 'USA', latitude: 1, longitude: 1 };
  network.apply((await plan(network, 'importNetwork', { airports: [airport] })).plan.edits);
  const { plan: closing, summary } = await plan(network, 'closeAirport', { airport: iata, reason: 'Snow' });
  const live = (type: string, id: string) => network.objects.get(type)?.get(id)?.properties;
  const touches = touchedObjects(closing.edits.slice(0, mostTouched), summary.objectTypes, ontology.objectTypes, live);
  const { decision, policies } = engine.decide(set, {
    principal: { id: 'ops-agent', kind: 'agent', roles: ['ops-agent'], teams: [], actsFor: null },
    action: 'execute',
    resource: 'closeAirport',
    context: {
      now: '2001-02-01T00:00:00.000Z',
      plan: { ...planForPolicy(summary, null, []), touches, effects: outsideEffects(closing.header.effects, []) },
      proposer: { id: 'ops-agent', kind: 'agent' },
      approvals: 2,
    },
  });
  expect([decision, policies]).toEqual(forbidding === null ? ['allow', ['everything-else']] : ['deny', [forbidding]]);
});
