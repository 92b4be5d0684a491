import { beforeAll, describe, expect, it } from 'vitest';
import { readPlan, writePlan } from '../../ontology/canonical-plan.ts';
import { compileOntology } from '../../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../../ontology/compiled-ontology.ts';
import { type EvaluationContext, evaluate } from '../../ontology/evaluate.ts';
import { evaluateRevert, type HistoryChange } from '../../ontology/evaluate-revert.ts';
import { type AppliedChange, MemorySnapshot } from '../../ontology/memory-snapshot.ts';
import { parseParameters } from '../../ontology/parameters.ts';
import type { Simulation, SimulationOutcome } from '../../ontology/plan.ts';
import { functions } from './functions.ts';
import { loadNetwork } from './load-network.ts';
import { flightNetwork } from './ontology.ts';

const context: EvaluationContext = {
  tenant: '00000000-0000-4000-8000-000000000001',
  actionTypeVersion: 1,
  evaluatedAt: '2001-02-01T00:00:00.000Z',
  proposer: { id: 'ops-agent', kind: 'agent', roles: ['ops-agent'] },
  revisionSeed: 'seed',
};

let ontology: CompiledOntology;
let network: MemorySnapshot;

async function propose(actionType: string, json: unknown): Promise<SimulationOutcome> {
  const parsed = parseParameters(ontology, actionType, json);
  if (!parsed.ok) {
    throw new Error(JSON.stringify(parsed.faults));
  }
  return evaluate(ontology, actionType, parsed.parameters, network, context);
}

function planned(outcome: SimulationOutcome): Simulation {
  if (outcome.kind === 'invalid') {
    throw new Error(JSON.stringify(outcome.faults));
  }
  return outcome.simulation;
}

async function revert(simulation: Simulation, changes: AppliedChange[]): Promise<SimulationOutcome> {
  const { header, parametersText } = simulation.plan;
  const history = changes.map(
    ({ edit, versionAfter }): HistoryChange =>
      'link' in edit
        ? edit
        : {
            op: edit.op,
            type: edit.type,
            id: edit.id,
            before: 'before' in edit ? edit.before : null,
            set: 'set' in edit ? (edit.set ?? null) : null,
            unset: edit.op === 'modify' ? (edit.unset ?? null) : null,
            versionAfter,
          },
  );
  const { actionType, actionTypeVersion, requirement } = header;
  return evaluateRevert(
    ontology,
    ontology,
    { executionId: 'e1', actionType, actionTypeVersion, requirement, parametersText, changes: history },
    network,
    context,
  );
}

describe('the flight network', () => {
  beforeAll(async () => {
    const outcome = compileOntology(flightNetwork, functions);
    if (!outcome.ok) {
      throw new Error(JSON.stringify(outcome.faults));
    }
    ontology = outcome.ontology;
    network = new MemorySnapshot(ontology);
    for (const batch of loadNetwork()) {
      network.apply(planned(await propose('importNetwork', batch.parameters)).plan.edits);
    }
  });

  it('loads 28,742 objects in batches that each can be executed before the next', () => {
    const counts = Object.fromEntries([...network.objects].map(([type, objects]) => [type, objects.size]));
    expect(counts).toEqual({ airport: 3376, route: 5366, flight: 20_000 });
    expect(loadNetwork().every((batch) => batch.objects <= 10_000 && JSON.stringify(batch.parameters).length < 4 * 1024 * 1024)).toBe(true);
  });

  it('closes O’Hare with 2,553 edits, reads what it depends on, and comes back to the byte', async () => {
    const before = network.describe();
    const simulation = planned(await propose('closeAirport', { airport: 'ORD', reason: 'Snow', until: '2001-02-02T06:00:00+01:00' }));
    expect(simulation.summary).toMatchObject({
      edits: { create: 0, modify: 2553, delete: 0, link: 0, unlink: 0 },
      objectTypes: { airport: 1, route: 297, flight: 2255 },
      revertible: true,
      riskTier: 'high',
    });
    expect(simulation.plan.edits[0]).toEqual({
      op: 'modify',
      type: 'airport',
      id: 'ORD',
      set: { status: 'closed', closureReason: 'Snow', closedUntil: '2001-02-02T05:00:00.000Z' },
      before: { status: 'open' },
    });
    expect(simulation.readSet.queries).toHaveLength(4);
    expect(simulation.readSet.reads.map(({ type, ids }) => [type, ids.length])).toEqual([
      ['airport', 4], // Its existence, status, closureReason and closedUntil.
      ['flight', 2255],
      ['route', 297],
    ]);
    expect(simulation.plan.header.requirement.stages.map((stage) => stage.name)).toEqual(['operations', 'safety']);

    const written = writePlan(simulation.plan);
    expect(readPlan(written.chunks)).toEqual(simulation.plan);
    const changes = network.apply(simulation.plan.edits);
    expect(network.describe()).not.toBe(before);
    const undo = planned(await revert(simulation, changes));
    expect(undo.plan.header.revertOf).toBe('e1');
    network.apply(undo.plan.edits);
    expect(network.describe()).toBe(before);
  });

  it('gives the same digest over the same data, whatever other properties changed meanwhile', async () => {
    const first = writePlan(planned(await propose('closeAirport', { airport: 'MDW', reason: 'Fog' })).plan);
    network.apply(planned(await propose('delayFlights', { flights: ['00001'], minutes: 5, reason: 'Late crew' })).plan.edits);
    const second = writePlan(planned(await propose('closeAirport', { reason: 'Fog', airport: 'MDW' })).plan);
    expect(second.digest).toBe(first.digest);
  });

  it('keeps closed what another airport still closes', async () => {
    const ord = planned(await propose('closeAirport', { airport: 'ORD', reason: 'Snow' }));
    const ordChanges = network.apply(ord.plan.edits);
    const lga = planned(await propose('closeAirport', { airport: 'LGA', reason: 'Snow' }));
    const lgaChanges = network.apply(lga.plan.edits);
    expect(network.objects.get('route')?.get('ORD-LGA')?.properties.closedBy).toEqual(['ORD', 'LGA']);

    const early = await revert(ord, ordChanges);
    expect(early).toMatchObject({
      kind: 'invalid',
      faults: expect.arrayContaining([expect.objectContaining({ code: 'revert_conflict' })]),
    });

    const reopened = planned(await propose('reopenAirport', { airport: 'ORD' }));
    const reopenChanges = network.apply(reopened.plan.edits);
    expect(network.objects.get('route')?.get('ORD-LGA')?.properties.closedBy).toEqual(['LGA']);

    network.apply(planned(await revert(reopened, reopenChanges)).plan.edits);
    network.apply(planned(await revert(lga, lgaChanges)).plan.edits);
    network.apply(planned(await revert(ord, ordChanges)).plan.edits);
    expect(
      [...(network.objects.get('flight')?.values() ?? [])].every((flight) => (flight.properties.closedBy as string[]).length === 0),
    ).toBe(true);
  });

  it('refuses to close a closed airport, with the criterion’s own words', async () => {
    const closing = planned(await propose('closeAirport', { airport: 'SFO', reason: 'Fog' }));
    const changes = network.apply(closing.plan.edits);
    expect(await propose('closeAirport', { airport: 'SFO', reason: 'Fog', until: '2001-01-01T00:00:00Z' })).toMatchObject({
      kind: 'invalid',
      faults: [
        { code: 'criteria_failed', pointer: '/criteria/0', message: 'The airport is closed already.' },
        { code: 'criteria_failed', pointer: '/criteria/1', message: 'A closure must end in the future.' },
      ],
    });
    network.apply(planned(await revert(closing, changes)).plan.edits);
  });

  it.each([
    [{ flights: ids(10), minutes: 30 }, true],
    [{ flights: ids(11), minutes: 30 }, false],
    [{ flights: ids(10), minutes: 31 }, false],
  ])('lets policy alone decide only on small delays (%j)', async (parameters, isAutomatic) => {
    const { plan } = planned(await propose('delayFlights', { ...parameters, reason: 'Late crew' }));
    expect(plan.header.requirement.automatic).toBe(isAutomatic);
    expect(ontology.actionTypes.get('delayFlights')?.floors).toEqual([
      { approvals: 0, ceilings: { edits: 10, parameters: { minutes: 30 } } },
      { approvals: 1, ceilings: {} },
    ]);
  });

  it('reroutes a flight by a function, to a distance along the great circle', async () => {
    const { plan } = planned(await propose('rerouteFlight', { flight: '00002', destination: 'LAX' }));
    expect(plan.header.functions).toEqual({ rerouteFlight: 1 });
    expect(plan.edits).toEqual([
      {
        op: 'modify',
        type: 'flight',
        id: '00002',
        set: { destination: 'LAX', distance: 2553 },
        before: { destination: 'SFO', distance: 2399 },
      },
    ]);
  });

  it('refuses an import of what is there already, and of what refers to nowhere', async () => {
    expect(await propose('importNetwork', { routes: [{ origin: 'ORD', destination: 'LGA', flightCount: 1 }] })).toMatchObject({
      kind: 'invalid',
      faults: [{ code: 'object_exists' }],
    });
    expect(await propose('importNetwork', { routes: [{ origin: 'ORD', destination: 'QQQ', flightCount: 1 }] })).toMatchObject({
      kind: 'invalid',
      faults: [{ code: 'unknown_reference' }],
    });
  });
});

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, at) => String(at + 100).padStart(5, '0'));
}
