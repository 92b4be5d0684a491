import { describe, expect, it } from 'vitest';
import { bookCarrier, parcelDomain } from '../tests/effects/parcel-domain.ts';
import { changeSetName } from './change-set.ts';
import { compileOntology } from './compile-ontology.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import type { EffectDefinition, WebhookTemplate } from './effect-definition.ts';
import { evaluate } from './evaluate.ts';
import { evaluateChangeSet } from './evaluate-change-set.ts';
import { evaluateRevert } from './evaluate-revert.ts';
import { MemorySnapshot } from './memory-snapshot.ts';
import type { SimulationOutcome } from './plan.ts';

const undo: WebhookTemplate = { endpoint: 'carrier', method: 'DELETE', path: ["'bookings'", { slot: 'booking' }] };
/** Of the parcel's weight its compensation alone tells. */
const book: EffectDefinition = {
  ...bookCarrier,
  webhook: { endpoint: 'carrier', path: ["'bookings'"], body: { parcel: 'parcel.id' } },
  compensation: { webhook: { ...undo, body: { weight: 'parcel.weight' } }, lostAnswer: 'key' },
};
const plain: EffectDefinition = { ...book, compensation: { webhook: undo, lostAnswer: 'key' } };

const context = {
  ...{
    tenant: '00000000-0000-4000-8000-000000000001',
    actionTypeVersion: 1,
    evaluatedAt: '2001-01-01T00:00:00.000Z',
    revisionSeed: 'seed',
  },
  proposer: { id: 'ann', kind: 'user' as const, roles: ['clerk'] },
};
const parameters = { parcel: 'P1', depot: 'north' };

/** With a weight that is sensitive, and that policy alone may write where it is named. */
function compiled(effect: EffectDefinition, { sensitive = false, named = false } = {}): CompiledOntology {
  const domain = parcelDomain('https://carrier.example/', [effect]);
  const { parcel } = domain.objectTypes as Required<typeof domain>['objectTypes'];
  if (sensitive) Object.assign(parcel?.properties.weight ?? {}, { sensitive: true });
  if (named) Object.assign(domain.approvalPolicies?.alone?.automatic ?? {}, { sensitive: ['parcel.weight'] });
  const outcome = compileOntology(domain);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return outcome.ontology;
}

async function taken(outcome: SimulationOutcome, actionType: string, original: CompiledOntology, current: CompiledOntology) {
  if (outcome.kind !== 'planned') throw new Error(JSON.stringify(outcome.faults));
  const { header, parametersText } = outcome.simulation.plan;
  const slots = { booking: 'B1', a1_booking: 'B1', a2_booking: 'B2' };
  const outside = { effects: header.effects.map((effect) => ({ effect, slots })) };
  const execution = {
    executionId: 'x',
    actionType,
    actionTypeVersion: 1,
    requirement: header.requirement,
    parametersText,
    changes: [],
    outside,
  };
  const revert = await evaluateRevert(original, current, execution, new MemorySnapshot(current), context);
  if (revert.kind !== 'planned') throw new Error(JSON.stringify(revert.faults));
  const { plan, summary } = revert.simulation;
  return {
    automatic: plan.header.requirement.automatic,
    sensitive: summary.sensitive,
    effects: plan.header.effects.map((one) => one.sensitive),
  };
}

function withParcels(ontology: CompiledOntology): MemorySnapshot {
  const snapshot = new MemorySnapshot(ontology);
  snapshot.apply(['P1', 'P2'].map((id) => ({ op: 'create', type: 'parcel', id, set: { code: id, weight: 7, status: 'here' } })));
  return snapshot;
}

describe('policy alone', () => {
  it.each<[string, EffectDefinition, { sensitive?: boolean; named?: boolean }, Awaited<ReturnType<typeof taken>>]>([
    ['takes back what is sensitive to nobody', book, {}, { automatic: true, sensitive: undefined, effects: [undefined] }],
    [
      'takes nothing back by sending what became sensitive, if only in what takes it back',
      book,
      { sensitive: true },
      { automatic: false, sensitive: ['parcel.weight'], effects: [['parcel.weight']] },
    ],
    ['takes back what sends nothing of it', plain, { sensitive: true }, { automatic: true, sensitive: undefined, effects: [undefined] }],
  ])('%s', async (_, effect, change, expected) => {
    const original = compiled(effect, { named: change.named ?? false });
    const outcome = await evaluate(original, 'handOver', parameters, withParcels(original), context);
    expect(outcome).toMatchObject({ simulation: { plan: { header: { requirement: { automatic: true } } } } });
    expect(await taken(outcome, 'handOver', original, compiled(effect, change))).toEqual(expected);
  });

  it('takes no change set back, of which each effect tells what became sensitive of what it sends', async () => {
    const original = compiled(book);
    const name = changeSetName(['handOver', 'handOver']);
    const actions = ['P1', 'P2'].map((one) => ({ actionType: 'handOver', parameters: { ...parameters, parcel: one } }));
    const outcome = await evaluateChangeSet(original, name, { actions }, withParcels(original), context);
    expect(await taken(outcome, name, original, compiled(book, { sensitive: true }))).toMatchObject({
      automatic: false,
      sensitive: ['parcel.weight'],
      effects: [['parcel.weight'], ['parcel.weight']],
    });
  });
});
