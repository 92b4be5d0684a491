import { describe, expect, it } from 'vitest';
import { bookCarrier, parcelDomain, tellDepot } from '../tests/effects/parcel-domain.ts';
import { writePlan } from './canonical-plan.ts';
import { changeSetName } from './change-set.ts';
import { compileOntology } from './compile-ontology.ts';
import type { OntologyDocument } from './definition.ts';
import type { CheckDefinition, EffectDefinition } from './effect-definition.ts';
import { evaluate } from './evaluate.ts';
import { evaluateChangeSet } from './evaluate-change-set.ts';
import type { JsonObject } from './json.ts';
import { Mask, maskedValue } from './mask.ts';
import { MemorySnapshot } from './memory-snapshot.ts';
import { parseParameters } from './parameters.ts';
import type { PlannedEffect } from './planned-effect.ts';
import { SensitiveFields } from './sensitive-fields.ts';

const url = 'https://carrier.example/v2/';

function compiled(effects: EffectDefinition[], checks?: CheckDefinition[]) {
  const outcome = compileOntology(parcelDomain(url, effects, checks));
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return outcome.ontology;
}

const context = {
  tenant: '00000000-0000-4000-8000-000000000001',
  actionTypeVersion: 1,
  evaluatedAt: '2001-01-01T00:00:00.000Z',
  proposer: { id: 'ann', kind: 'user' as const, roles: ['clerk'] },
  revisionSeed: 'seed',
};

function withParcel(effects: EffectDefinition[], checks?: CheckDefinition[]) {
  const ontology = compiled(effects, checks);
  const snapshot = new MemorySnapshot(ontology);
  snapshot.apply([{ op: 'create', type: 'parcel', id: 'P1', set: { code: 'P1', weight: 7, status: 'here' } }]);
  return { ontology, snapshot };
}

async function planned(effects: EffectDefinition[], parameters: JsonObject, checks?: CheckDefinition[]) {
  const { ontology, snapshot } = withParcel(effects, checks);
  const parsed = parseParameters(ontology, 'handOver', parameters);
  if (!parsed.ok) throw new Error('the parameters do not fit');
  return evaluate(ontology, 'handOver', parsed.parameters, snapshot, context);
}

function faultsOf(effects: EffectDefinition[]) {
  const outcome = compileOntology(parcelDomain(url, effects));
  return outcome.ok ? [] : outcome.faults.map(({ pointer }) => pointer);
}

it('a name that somebody has put in is no place for an answer', async () => {
  const body = { kinds: "[{depot: 'booking'}]" };
  const named: EffectDefinition = { ...tellDepot, webhook: { endpoint: 'carrier', path: ["'kinds'"], body } };
  expect(await planned([bookCarrier, named], { parcel: 'P1', depot: 'north' })).toMatchObject({ kind: 'planned' });
  expect(await planned([bookCarrier, named], { parcel: 'P1', depot: '$slot' })).toMatchObject({
    kind: 'invalid',
    faults: [{ code: 'invalid_value' }],
  });
});

it('an endpoint that an action uses is part of what the action means, and another is not', () => {
  const textOf = (more: OntologyDocument['endpoints']) => {
    const domain = parcelDomain(url, [bookCarrier]);
    const outcome = compileOntology({ ...domain, endpoints: { ...domain.endpoints, ...more } });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
    return outcome.ontology.actionTypes.get('handOver')?.definitionText;
  };
  expect(textOf({ broker: { url: 'https://broker.example' } })).toBe(textOf({}));
  expect(textOf({ carrier: { url: 'https://other.example' } })).not.toBe(textOf({}));
});

describe('the effects of a plan', () => {
  it('show each request as it will be sent, with the places that only answers can fill', async () => {
    const outcome = await planned([bookCarrier, tellDepot], { parcel: 'P1', depot: 'north/1' });
    if (outcome.kind !== 'planned') throw new Error(JSON.stringify(outcome.faults));
    const { header } = outcome.simulation.plan;
    expect(header.effects).toMatchObject([
      {
        name: 'book',
        request: {
          method: 'POST',
          url: 'https://carrier.example/v2/bookings',
          body: { parcel: 'P1', to: 'north/1', weight: 7 },
          timeoutMs: 20_000,
        },
        compensation: { request: { method: 'DELETE', url: 'https://carrier.example/v2/bookings/{booking}' } },
      },
      { name: 'tell', request: { url: 'https://carrier.example/v2/depots/north%2F1/arrivals', body: { booking: { $slot: 'booking' } } } },
    ]);
    expect(outcome.simulation.summary).toMatchObject({ effects: 2, revertible: true });
  });

  it('are part of the digest', async () => {
    const digest = async (effects: EffectDefinition[]) => {
      const outcome = await planned(effects, { parcel: 'P1', depot: 'north' });
      if (outcome.kind !== 'planned') throw new Error('no plan');
      return writePlan(outcome.simulation.plan).digest;
    };
    const other = { ...bookCarrier, attempts: 2 };
    expect(await digest([bookCarrier])).toBe(await digest([bookCarrier]));
    expect(await digest([bookCarrier])).not.toBe(await digest([other]));
  });

  it('say before anyone approves from which of them on nothing can be undone', async () => {
    const { compensation: _gone, ...lasting } = tellDepot;
    const outcome = await planned([bookCarrier, lasting], { parcel: 'P1', depot: 'north' });
    expect(outcome).toMatchObject({ simulation: { summary: { revertible: false, irreversibleFrom: 'tell' } } });
  });

  it('say before anyone approves which optional ones nothing takes back', async () => {
    const { compensation: _gone, ...kept } = tellDepot;
    const outcome = await planned([bookCarrier, { ...kept, optional: true }], { parcel: 'P1', depot: 'north' });
    expect(outcome).toMatchObject({ simulation: { summary: { revertible: true, lasting: ['tell'] } } });
  });

  it('are left out where their condition does not hold, and then nothing may take what they would have filled', async () => {
    const heavyAlone = { ...bookCarrier, when: 'parcel.weight > 10' };
    expect(await planned([heavyAlone], { parcel: 'P1', depot: 'north' })).toMatchObject({
      simulation: { plan: { header: { effects: [] } } },
    });
    expect(await planned([heavyAlone, tellDepot], { parcel: 'P1', depot: 'north' })).toMatchObject({ kind: 'invalid' });
  });

  it('never lead out of their endpoint', async () => {
    for (const depot of ['..', '.', '']) {
      expect(await planned([bookCarrier, tellDepot], { parcel: 'P1', depot })).toMatchObject({
        kind: 'invalid',
        faults: [{ code: 'invalid_value' }],
      });
    }
  });

  it('name the sensitive values that they hold', async () => {
    const outcome = await planned(
      [{ ...bookCarrier, webhook: { endpoint: 'carrier', body: { note: "parcel.note == null ? '' : parcel.note" } } }, tellDepot],
      {
        parcel: 'P1',
        depot: 'north',
      },
    );
    expect(outcome).toMatchObject({
      simulation: { plan: { header: { effects: [{ sensitive: ['parcel.note'] }, { name: 'tell' }], requirement: { automatic: false } } } },
    });
    if (outcome.kind === 'planned') expect(outcome.simulation.plan.header.effects[1]).not.toHaveProperty('sensitive');
  });

  it('that send a sensitive property are not approved by policy alone, and no more are checks that send it to ask', async () => {
    const sent = { endpoint: 'carrier', path: ["'notes'", "parcel.note == null ? 'none' : parcel.note"] };
    const parameters = { parcel: 'P1', depot: 'north' };
    const asking: CheckDefinition = { name: 'noted', probe: { webhook: sent, done: 'true' } };
    const { ontology, snapshot } = withParcel([], [asking]);
    const actions = [{ actionType: 'handOver', parameters }];
    for (const outcome of [
      await planned([{ name: 'tell', phase: 'sideEffect', optional: true, webhook: sent, lostAnswer: 'key' }], parameters),
      await planned([], parameters, [asking]),
      await evaluateChangeSet(ontology, changeSetName(['handOver']), { actions }, snapshot, context),
    ])
      expect(outcome).toMatchObject({
        simulation: { plan: { header: { requirement: { automatic: false } } }, summary: { sensitive: ['parcel.note'] } },
      });
    const other: CheckDefinition = { ...asking, probe: { webhook: { endpoint: 'carrier', path: ['parcel.id'] }, done: 'true' } };
    expect(await planned([], parameters, [other])).toMatchObject({
      simulation: { plan: { header: { requirement: { automatic: true } } } },
    });
  });

  it('name the sensitive property that takes an answer which they send', () => {
    const domain = parcelDomain(url, [bookCarrier, tellDepot, { ...tellDepot, name: 'greet', webhook: { endpoint: 'carrier' } }]);
    const { parcel } = domain.objectTypes as Required<OntologyDocument>['objectTypes'];
    const { handOver } = domain.actionTypes as Required<OntologyDocument>['actionTypes'];
    const outcome = compileOntology({
      ...domain,
      objectTypes: {
        parcel: { ...parcel, properties: { ...parcel?.properties, note: { type: 'string', sensitive: true, maxLength: 40 } } },
      },
      actionTypes: {
        handOver: { ...handOver, rules: [{ rule: 'modify', type: 'parcel', object: 'parcel', set: { note: { slot: 'booking' } } }] },
      },
    } as OntologyDocument);
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
    const effects = outcome.ontology.actionTypes.get('handOver')?.compiled.effects;
    expect(effects?.map(({ definition, sensitive }) => [definition.name, sensitive])).toEqual([
      ['book', ['parcel.note']], // Its compensation sends it.
      ['tell', ['parcel.note']],
      ['greet', []],
    ]);
  });
});

it('requests that may hold what a reader may not see are not shown to that reader', async () => {
  const secretive = {
    ...bookCarrier,
    webhook: { endpoint: 'carrier', path: ["'notes'", "parcel.note == null ? 'none' : parcel.note"], body: 'parcel.note' },
  };
  const ontology = compiled([secretive, tellDepot]);
  const outcome = await planned([secretive, tellDepot], { parcel: 'P1', depot: 'north' });
  if (outcome.kind !== 'planned') throw new Error('no plan');
  const [book, tell] = outcome.simulation.plan.header.effects as [PlannedEffect, PlannedEffect];
  const fields = new SensitiveFields(ontology.document, []);
  const blind = new Mask(fields, () => false);
  expect(JSON.stringify(blind.effect('handOver', book))).not.toMatch(/notes|B1|secret/);
  expect(blind.effect('handOver', book).request).toMatchObject({ url: '…', body: maskedValue });
  expect(blind.effect('handOver', tell)).toEqual(tell);
  expect(new Mask(fields, () => true).effect('handOver', book)).toEqual(book);
});

describe('a message', () => {
  const note = "parcel.note == null ? '' : parcel.note";
  const shown = async (effect: EffectDefinition) => {
    const outcome = await planned([bookCarrier, effect], { parcel: 'P1', depot: 'north' });
    if (outcome.kind !== 'planned') throw new Error(JSON.stringify(outcome.faults));
    const [, found] = outcome.simulation.plan.header.effects;
    return { sent: found?.request, back: found?.compensation?.request, found };
  };
  const tells = (data: JsonObject, back: JsonObject): EffectDefinition => {
    return {
      name: 'say',
      phase: 'sideEffect',
      message: { type: 'away', data },
      compensation: { message: { type: 'back', data: back } },
    } as EffectDefinition;
  };

  it('is shown in the plan as it will be told', async () => {
    const { sent, back } = await shown(tells({ parcel: 'parcel.id', of: { slot: 'booking' } }, { parcel: 'parcel.id' }));
    expect(sent).toEqual({ kind: 'message', type: 'away', data: { parcel: 'P1', of: { $slot: 'booking' } } });
    expect(back).toEqual({ kind: 'message', type: 'back', data: { parcel: 'P1' } });
  });

  it('is shown without its data, also to who may see all of that, where one of its effect may hold sensitive values', async () => {
    for (const effect of [tells({ note }, { parcel: 'parcel.id' }), tells({ parcel: 'parcel.id' }, { note })]) {
      const { sent, back, found } = await shown(effect);
      expect([sent, back]).toMatchObject([{ data: maskedValue }, { data: maskedValue }]);
      const fields = new SensitiveFields(compiled([bookCarrier, effect]).document, []);
      const reader = new Mask(fields, () => true);
      expect(reader.effect('handOver', found as PlannedEffect)).toEqual(found);
      expect(reader.reads()).toEqual({}); // Nothing sensitive was shown.
    }
  });

  it('that goes with a webhook is, and the webhook is not', async () => {
    const webhook = {
      ...tellDepot,
      webhook: { endpoint: 'carrier', body: { note } },
      compensation: { message: { type: 'back', data: { parcel: 'parcel.id' } } },
    };
    const { sent, back } = await shown(webhook as EffectDefinition);
    expect(sent).toMatchObject({ kind: 'webhook', body: { note: '' } });
    expect(back).toMatchObject({ data: maskedValue });
  });
});

describe('a definition of effects is refused', () => {
  const { lostAnswer: _none, ...silent } = bookCarrier;
  it.each<[string, EffectDefinition[], string]>([
    ['where it does not say what a lost answer means', [silent as EffectDefinition], '/actionTypes/handOver/effects/0'],
    [
      'where the endpoint is not declared',
      [{ ...bookCarrier, webhook: { endpoint: 'moon' } }],
      '/actionTypes/handOver/effects/0/webhook/endpoint',
    ],
    ['where nothing fills a slot before', [tellDepot, bookCarrier], '/actionTypes/handOver/effects/0/webhook/body/booking/slot'],
    ['where a probe is promised and not given', [{ ...bookCarrier, lostAnswer: 'probe' }], '/actionTypes/handOver/effects/0/probe'],
    ['where a write-back is optional', [{ ...bookCarrier, optional: true }], '/actionTypes/handOver/effects/0/optional'],
    [
      'where a write-back follows a side effect',
      [{ ...tellDepot, webhook: { endpoint: 'carrier' } }, bookCarrier],
      '/actionTypes/handOver/effects/1/phase',
    ],
    [
      'where two have one name',
      [bookCarrier, { ...bookCarrier, slots: {}, compensation: undefined } as never],
      '/actionTypes/handOver/effects',
    ],
    [
      'where an expression names what is not there',
      [{ ...bookCarrier, webhook: { endpoint: 'carrier', body: 'parcel.colour' } }],
      '/actionTypes/handOver/effects/0/webhook/body',
    ],
    [
      'where a function is not registered',
      [{ name: 'f', phase: 'sideEffect', lostAnswer: 'key', function: { name: 'f', version: 1, input: {} } }],
      '/actionTypes/handOver/effects/0/function/name',
    ],
  ])('%s', (_why, effects, pointer) => {
    expect(faultsOf(effects)).toContain(pointer);
  });

  it.each<[string, object, string]>([
    [
      'checks wait no time that there is',
      { checks: [{ name: 'c', after: 'soon', probe: { webhook: { endpoint: 'carrier' }, done: 'true' } }] },
      '/actionTypes/handOver/checks/0/after',
    ],
    ['nobody waits for an answer', { endpoints: { carrier: { url, timeout: 'PT0S' } } }, '/endpoints/carrier/timeout'],
    [
      'a slot has a pattern that is none',
      { effects: [{ ...bookCarrier, slots: { booking: { type: 'string', pattern: '(', value: 'answer.body' } } }] },
      '/actionTypes/handOver/effects/0/slots/booking/pattern',
    ],
  ])(
    'where %s',
    (_why, {
      effects = [],
      checks,
      endpoints,
    }: { effects?: EffectDefinition[]; checks?: CheckDefinition[]; endpoints?: object }, pointer) => {
      const document = { ...parcelDomain(url, effects, checks), ...(endpoints ? { endpoints } : {}) };
      const outcome = compileOntology(document);
      expect(outcome.ok ? [] : outcome.faults.map((fault) => fault.pointer)).toContain(pointer);
    },
  );

  it.each(['ftp://carrier.example', 'carrier', 'https://me:secret@carrier.example', 'https://carrier.example?token=1'])(
    'with an endpoint at %s',
    (at) => {
      const outcome = compileOntology(parcelDomain(at, []));
      expect(outcome).toMatchObject({ ok: false, faults: [{ pointer: '/endpoints/carrier/url' }] });
    },
  );
});
