import { beforeEach, describe, expect, it } from 'vitest';
import { compileFilter } from '../ontology/compile-filter.ts';
import { compileOntology } from '../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import { evaluate } from '../ontology/evaluate.ts';
import { evaluateRevert } from '../ontology/evaluate-revert.ts';
import { type AppliedChange, MemorySnapshot } from '../ontology/memory-snapshot.ts';
import { parseParameters } from '../ontology/parameters.ts';
import type { Edit, Simulation, SimulationOutcome } from '../ontology/plan.ts';
import warehouse from './fixtures/warehouse.json' with { type: 'json' };

const ontology = compiled();
let snapshot: MemorySnapshot;
let seed = 0;

function compiled(): CompiledOntology {
  const outcome = compileOntology(JSON.parse(JSON.stringify(warehouse)));
  if (!outcome.ok) {
    throw new Error(JSON.stringify(outcome.faults, null, 2));
  }
  return outcome.ontology;
}

async function propose(actionType: string, json: unknown, revisionSeed = `seed ${++seed}`): Promise<SimulationOutcome> {
  const parsed = parseParameters(ontology, actionType, json);
  if (!parsed.ok) {
    throw new Error(JSON.stringify(parsed.faults));
  }
  return evaluate(ontology, actionType, parsed.parameters, snapshot, {
    tenant: 't',
    actionTypeVersion: 1,
    evaluatedAt: '2026-01-01T00:00:00.000Z',
    proposer: { id: 'anna', kind: 'user', roles: ['clerk'] },
    revisionSeed,
  });
}

function planned(outcome: SimulationOutcome): Simulation {
  if (outcome.kind === 'invalid') {
    throw new Error(JSON.stringify(outcome.faults));
  }
  return outcome.simulation;
}

/** Proposes, applies, reverts and applies again: whatever the action, the state must be back to the byte and applying twice must give the same. */
async function execute(actionType: string, json: unknown): Promise<Edit[]> {
  const before = snapshot.describe();
  const simulation = planned(await propose(actionType, json));
  const { edits } = simulation.plan;
  const after = () => snapshot.describe();
  const changes = snapshot.apply(edits);
  const expected = after();
  const undo = planned(await revert(simulation, changes));
  const undone = snapshot.apply(undo.plan.edits);
  expect(after()).toBe(before);
  snapshot.apply(planned(await revert(undo, undone)).plan.edits);
  expect(after()).toBe(expected);
  return edits;
}

function revert(simulation: Simulation, changes: AppliedChange[]): Promise<SimulationOutcome> {
  const { actionType, actionTypeVersion, requirement } = simulation.plan.header;
  const history = changes.map(({ edit, versionAfter }) =>
    'link' in edit ? edit : { before: null, set: null, unset: null, ...edit, versionAfter },
  );
  return evaluateRevert(
    ontology,
    ontology,
    {
      executionId: 'e',
      actionType,
      actionTypeVersion,
      requirement,
      parametersText: simulation.plan.parametersText,
      changes: history as never,
    },
    snapshot,
    { tenant: 't', proposer: { id: 'anna', kind: 'user', roles: [] } },
  );
}

function faultsOf(outcome: SimulationOutcome): string[] {
  return outcome.kind === 'invalid' ? outcome.faults.map((fault) => fault.code) : [];
}

function object(type: string, id: string) {
  return snapshot.objects.get(type)?.get(id)?.properties;
}

function idsOf(type: string): string[] {
  return [...(snapshot.objects.get(type)?.keys() ?? [])];
}

/**
 * The warehouse is plain JSON, as a stranger would send it, and uses what the flight network does not: types without a key, many-to-many links, also of a type to
 * itself, one-to-one links, delete, unlink, unset, decimals, longs, dates, queries and conditions, and names that are words of the expression language.
 */
describe('a domain that no code knows', () => {
  beforeEach(async () => {
    snapshot = new MemorySnapshot(ontology);
    await execute('add-products', {
      rows: [
        { sku: 'AA-0001', price: '10.50', type: 'food', launchedOn: '2024-02-29' },
        { sku: 'AA-0002', price: '9' },
        { sku: 'AA-0003' },
      ],
    });
  });

  it('creates objects from a list of structs, with defaults and canonical values', () => {
    expect(object('product', 'AA-0001')).toEqual({
      sku: 'AA-0001',
      name: 'Product AA-0001',
      price: '10.5',
      sold: '0',
      launchedOn: '2024-02-29',
      tags: [],
      discontinued: false,
      type: 'food',
    });
    expect(object('product', 'AA-0003')).not.toHaveProperty('price');
  });

  it('refuses values that do not fit, naming object, property and rule', async () => {
    expect(await propose('add-products', { rows: [{ sku: 'nonsense' }] })).toMatchObject({
      kind: 'invalid',
      faults: [
        {
          code: 'invalid_value',
          pointer: '/actionTypes/add-products/rules/0/do/0/set/sku',
          objects: [{ type: 'product', property: 'sku' }],
        },
        { code: 'invalid_value' },
      ],
    });
  });

  it('links and unlinks rows, drops what is so already, and deletes only what nothing refers to', async () => {
    expect((await execute('addSupplier', { name: 'Acme', products: ['AA-0001', 'AA-0002'] })).map((edit) => edit.op)).toEqual([
      'create',
      'link',
      'link',
    ]);
    expect(object('supplier', 'Acme')).toEqual({ id: 'Acme', rating: 3 });
    expect(faultsOf(await propose('deleteSupplier', { supplier: 'Acme' }))).toEqual(['still_referenced', 'still_referenced']);
    expect((await execute('removeSupplier', { supplier: 'Acme' })).map((edit) => edit.op)).toEqual(['delete', 'unlink', 'unlink']);
  });

  it('derives ids from the revision, so that the same revision creates the same objects', async () => {
    const twice = await Promise.all([1, 2].map(() => propose('addBins', { count: 3, zones: ['cold', 'dry', 'cold'] }, 'one revision')));
    const [first, second] = twice.map((outcome) => planned(outcome).plan.edits);
    expect(first).toEqual(second);
    expect(new Set(first?.map((edit) => ('id' in edit ? edit.id : ''))).size).toBe(3);
    expect(planned(await propose('addBins', { count: 3, zones: ['cold'] }, 'another')).plan.edits[0]).not.toMatchObject({
      id: (first?.[0] as { id: string } | undefined)?.id,
    });
  });

  it('stores, empties and reverts along one-to-many links, and walks them backwards', async () => {
    await execute('addBins', { count: 5, zones: ['cold', 'dry'] });
    await execute('expect', { product: 'AA-0001', quantity: 5, days: 2 });
    const [bin = '', otherBin = ''] = idsOf('bin');
    const [shipment = ''] = idsOf('shipment');
    expect(object('shipment', shipment)).toMatchObject({ dueAt: '2026-01-03T00:00:00.000Z', status: 'expected' });
    await execute('store', { shipment, bin });
    expect(object('product', 'AA-0001')).toMatchObject({ sold: '9007199254740993' });
    expect(faultsOf(await propose('deleteProduct', { product: 'AA-0001' }))).toEqual(['still_referenced']);
    expect(await execute('emptyBin', { bin: otherBin })).toEqual([]);
    expect(await execute('emptyBin', { bin })).toEqual([
      { op: 'modify', type: 'shipment', id: shipment, set: { status: 'expected' }, unset: ['bin'], before: { status: 'stored', bin } },
    ]);
  });

  it('answers criteria in the author’s words', async () => {
    await execute('addBins', { count: 1, zones: ['dry'] });
    await execute('expect', { product: 'AA-0002', quantity: 2, days: 1 });
    const outcome = await propose('store', { shipment: idsOf('shipment')[0], bin: idsOf('bin')[0] });
    expect(outcome).toMatchObject({
      kind: 'invalid',
      faults: [{ code: 'criteria_failed', pointer: '/criteria/0', message: 'The bin is too small.' }],
    });
  });

  it('selects by query with variables, exact decimals and branches', async () => {
    const edits = planned(await propose('reprice', { factor: '1.1' })).plan.edits;
    expect(edits).toEqual([
      { op: 'modify', type: 'product', id: 'AA-0001', set: { price: '11.55' }, before: { price: '10.5' } },
      { op: 'modify', type: 'product', id: 'AA-0002', set: { tags: ['repriced'] }, before: { tags: [] } },
    ]);
    expect(planned(await propose('reprice', { factor: '1.1', above: '9' })).plan.edits).toHaveLength(1);
    expect(planned(await propose('reprice', { factor: '1.1', type: 'food' })).plan.edits).toHaveLength(1);
    expect(faultsOf(await propose('reprice', { factor: '0' }))).toEqual(['criteria_failed']);
  });

  it('walks links of a type to itself in both directions, and deletes what a query finds', async () => {
    await execute('expect', { product: 'AA-0002', quantity: 1, days: 1 });
    await execute('discontinue', { product: 'AA-0001', substitute: 'AA-0002' });
    expect(snapshot.links_.get('substitutes')?.size).toBe(1);
    expect((await execute('discontinue', { product: 'AA-0002' })).map((edit) => edit.op)).toEqual(['modify', 'delete', 'unlink']);
    expect(idsOf('shipment')).toEqual([]);
    expect(faultsOf(await propose('discontinue', { product: 'AA-0003', substitute: 'AA-0003' }))).toEqual(['criteria_failed']);
  });

  it('keeps one-to-one links so', async () => {
    await execute('addBins', { count: 1, zones: ['dry'] });
    const [bin] = idsOf('bin');
    await execute('issueCard', { number: '1', bin });
    expect(faultsOf(await propose('issueCard', { number: '2', bin }))).toEqual(['not_unique']);
  });

  it('holds deletions back for references in lists too', async () => {
    await execute('packPallet', { code: 'P1', products: ['AA-0001', 'AA-0003'] });
    expect(object('pallet', 'P1')).toEqual({ code: 'P1', products: ['AA-0001', 'AA-0003'] });
    expect(faultsOf(await propose('deleteProduct', { product: 'AA-0003' }))).toEqual(['still_referenced']);
    await execute('deleteProduct', { product: 'AA-0002' });
  });

  it('refuses rules that contradict each other', async () => {
    expect(await propose('contradict', { product: 'AA-0001' })).toMatchObject({
      kind: 'invalid',
      faults: [{ code: 'conflicting_rules', objects: [{ type: 'product', id: 'AA-0001', property: 'name' }] }],
    });
  });

  it('refuses to take back what was changed or referred to since, naming it', async () => {
    const simulation = planned(await propose('add-products', { rows: [{ sku: 'BB-0001', type: 'food', price: '1' }] }));
    const changes = snapshot.apply(simulation.plan.edits);
    await execute('addSupplier', { name: 'Acme', products: ['BB-0001'] });
    expect(await revert(simulation, changes)).toMatchObject({
      kind: 'invalid',
      faults: [{ code: 'revert_conflict', objects: [{ type: 'product', id: 'BB-0001' }] }],
    });
    await execute('removeSupplier', { supplier: 'Acme' });
    await execute('reprice', { factor: '2' });
    expect(await revert(simulation, changes)).toMatchObject({ kind: 'invalid', faults: [{ code: 'revert_conflict' }] });
  });

  it('reads exactly what it depends on: properties, absences, queries, and a counter of every type among them', async () => {
    const { readSet } = planned(await propose('discontinue', { product: 'AA-0001', substitute: 'AA-0002' }));
    const reads = readSet.reads.flatMap((read) =>
      read.ids.map((id, at) => `${read.type} ${id} ${read.properties[at]} ${read.versions[at]}`),
    );
    expect(reads.sort()).toEqual([
      'product AA-0001 $ 3',
      'product AA-0001 discontinued 3',
      'product AA-0001 price 3',
      'product AA-0002 $ 3',
    ]);
    expect(readSet.queries.map((query) => query.kind)).toEqual(['links', 'objects']);
    expect(readSet.counters).toEqual({ product: 3, shipment: 0, substitutes: 0 });
    const created = planned(await propose('add-products', { rows: [{ sku: 'CC-0001' }] })).readSet;
    expect(created.reads).toEqual([{ type: 'product', ids: ['CC-0001'], properties: ['$'], versions: [0] }]);
  });
});

describe('filters', () => {
  it.each([
    ['discontinued', { property: 'discontinued', op: 'eq', value: true }],
    [
      'object.type == "food" && price >= decimal("2.50")',
      {
        all: [
          { property: 'type', op: 'eq', value: 'food' },
          { property: 'price', op: 'ge', value: '2.5' },
        ],
      },
    ],
    ['type in ["food"]', { property: 'type', op: 'in', values: ['food'] }],
    ['3 < sold', { property: 'sold', op: 'gt', value: '3' }],
    [
      '"new" in tags || !has(object.price)',
      { any: [{ property: 'tags', op: 'contains', value: 'new' }, { not: { property: 'price', op: 'present' } }] },
    ],
    [
      'name.startsWith("Pro") && id in ["a", "b"]',
      {
        all: [
          { property: 'name', op: 'startsWith', value: 'Pro' },
          { property: 'id', op: 'in', values: ['a', 'b'] },
        ],
      },
    ],
    ['price == null', { not: { property: 'price', op: 'present' } }],
    ['true', { all: [] }],
  ])('compile: %s', (text, condition) => {
    expect(compileFilter(ontology, 'product', text)).toEqual({ ok: true, condition });
  });

  it.each([
    'size(name) > 3',
    'nothing == 1',
    'name == 3',
    'object.type == "feed"',
    'name.matches("(a+)+$")',
    'name == name',
    'name == "x".matches("x") ? "a" : "b"',
    'tags == []',
    'price > "3"',
    '1 +',
    'name',
  ])('refuse: %s', (text) => {
    expect(compileFilter(ontology, 'product', text)).toMatchObject({ ok: false, faults: [{ code: 'invalid_filter', pointer: '/filter' }] });
  });
});
