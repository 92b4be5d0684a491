import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { compileOntology } from '../ontology/compile-ontology.ts';
import { Mask, maskedValue } from '../ontology/mask.ts';
import { parseParameters } from '../ontology/parameters.ts';
import type { PlanSummary } from '../ontology/plan.ts';
import { SensitiveFields } from '../ontology/sensitive-fields.ts';
import motorPool from './fixtures/motor-pool.json' with { type: 'json' };
import { MemoryTenant } from './support/memory-tenant.ts';

let tenant: MemoryTenant;
const truck = (id: string) => ({ type: 'truck', id });
const barge = (id: string) => ({ type: 'barge', id });
const text = (edits: readonly object[]) =>
  edits.map((edit) =>
    Object.values(edit)
      .filter((value) => typeof value === 'string')
      .join(' '),
  );

beforeEach(async () => {
  tenant = new MemoryTenant(motorPool);
  await tenant.execute('set-up', {
    regions: [
      { region: 'north', depot: 'N1' },
      { region: 'north', depot: 'N2' },
      { region: 'south', depot: 'S1' },
    ],
    drivers: ['d1', 'd2', 'd3'],
  });
  await tenant.execute('register', { kind: 'truck', plates: ['T1', 'T2'], depot: 'N1' });
  await tenant.execute('register', { kind: 'truck', plates: ['T3'], depot: 'S1' });
  await tenant.execute('register', { kind: 'barge', plates: ['B1'], depot: 'N2' });
});

function drive(plate: string, odometer: number, more = {}): void {
  const type = plate.startsWith('T') ? 'truck' : 'barge';
  tenant.snapshot.apply([{ op: 'modify', type, id: plate, set: { odometer, ...more }, before: {} }]);
}

describe('createOrModify', () => {
  it('creates with defaults what is not there, and changes what is, leaving alone what only a new object gets', async () => {
    expect(tenant.object('truck', 'T1')).toEqual({ plate: 'T1', depot: 'N1', state: 'ready', odometer: 0, axles: 2 });
    expect(tenant.object('barge', 'B1')).toEqual({ plate: 'B1', depot: 'N2', state: 'ready', odometer: 0 });
    drive('T1', 7);
    const { plan } = await tenant.execute('register', { kind: 'truck', plates: ['T1', 'T9'], depot: 'S1' });
    expect(plan.edits).toEqual([
      { op: 'modify', type: 'truck', id: 'T1', set: { depot: 'S1' }, before: { depot: 'N1' } },
      { op: 'create', type: 'truck', id: 'T9', set: { plate: 'T9', depot: 'S1', state: 'ready', odometer: 0, axles: 2 } },
    ]);
  });

  it('reads whether the object is there, either way', async () => {
    const { readSet } = await tenant.plan('register', { kind: 'truck', plates: ['T1', 'T9'], depot: 'S1' });
    const reads = readSet.reads.find(({ type }) => type === 'truck');
    expect(reads?.ids.filter((_, at) => reads.properties[at] === '$')).toEqual(['T1', 'T9']);
  });

  it('agrees with itself on one object, and contradicts itself with an error that names it', async () => {
    expect((await tenant.plan('register', { kind: 'truck', plates: ['T8', 'T8'], depot: 'S1' })).plan.edits).toHaveLength(1);
    expect(await tenant.faults('disagree', { plate: 'T8' })).toEqual([
      'conflicting_edits /actionTypes/disagree/rules/1: truck T8 would be created twice, differently',
    ]);
    expect(await tenant.faults('disagree', { plate: 'T1', vehicle: truck('T1') })).toEqual([
      'conflicting_rules /actionTypes/disagree/rules/1/set/remark: two rules write different values to remark of truck T1',
      'conflicting_rules /actionTypes/disagree/rules/2/set/remark: two rules write different values to remark of truck T1',
    ]);
  });

  it('refuses a type that does not implement the interface, and an id that no object can have', async () => {
    expect(await tenant.faults('register', { kind: 'depot', plates: ['N1'], depot: 'N1' })).toEqual([
      'invalid_value /actionTypes/register/rules/0/do/0/objectType: kind names no type that implements vehicle',
    ]);
    expect((await tenant.faults('register', { kind: 'barge', plates: ['\n'], depot: 'N1' }))[0]).toMatch(
      /^invalid_value .*\s.*cannot be the id of a barge/,
    );
  });
});

describe('a path of links', () => {
  it('leads to each object once, whatever the ways, with one question for each hop', async () => {
    for (const [driver, plate] of [
      ['d1', 'T1'],
      ['d1', 'T2'],
      ['d2', 'T2'],
      ['d3', 'T3'],
    ] as const) {
      await tenant.execute('assign', { driver, vehicle: truck(plate) });
    }
    const { plan, readSet } = await tenant.execute('alert', { region: 'north', text: 'snow' });
    expect(plan.edits.map((edit) => 'set' in edit && edit.set?.driver).sort()).toEqual(['d1', 'd2']);
    expect(readSet.queries).toHaveLength(3);
  });
});

describe('a path of links the other way', () => {
  it('follows what each object refers to, and is stale once one of them refers elsewhere', async () => {
    const document = structuredClone(motorPool);
    const [rule] = document.actionTypes.alert.rules;
    Object.assign(document.actionTypes.alert.parameters, { driver: { type: 'reference', to: 'driver' } });
    Object.assign(rule as object, {
      as: 'found',
      in: { path: [{ link: 'drives' }, { link: 'trucks' }, { link: 'depots', reverse: true }], of: 'driver' },
      do: [{ rule: 'create', type: 'notice', set: { driver: 'driver', text: 'found.name' } }],
    });
    const other = new MemoryTenant(document);
    other.snapshot.apply([
      { op: 'create', type: 'region', id: 'north', set: { name: 'north' } },
      { op: 'create', type: 'depot', id: 'N1', set: { name: 'N1', region: 'north', open: true } },
      { op: 'create', type: 'depot', id: 'N2', set: { name: 'N2', region: 'north', open: true } },
      { op: 'create', type: 'depot', id: 'none', set: { name: 'none', open: true } },
      { op: 'create', type: 'driver', id: 'd1', set: { badge: 'd1' } },
      ...['N1', 'N2', 'none'].map(
        (depot) => ({ op: 'create', type: 'truck', id: depot, set: { plate: depot, state: 'ready', depot } }) as const,
      ),
      ...['N1', 'N2', 'none'].map((to) => ({ op: 'link', link: 'drives', from: 'd1', to }) as const),
    ]);
    const { plan, readSet } = await other.execute('alert', { region: 'north', text: 'x', driver: 'd1' });
    expect(plan.edits).toMatchObject([{ op: 'create', type: 'notice', set: { driver: 'd1', text: 'north' } }]);
    const readOf = (type: string) => readSet.reads.find((read) => read.type === type);
    expect(readOf('truck')?.properties.filter((property) => property === 'depot')).toHaveLength(3);
    expect(readOf('depot')?.properties.filter((property) => property === 'region')).toHaveLength(3);
  });
});

describe('parameters', () => {
  const header = async (json: object) => (await tenant.plan('move', { vehicle: truck('T1'), ...json })).plan.header;

  it('are filled in from referenced objects, which the plan says and its digest covers', async () => {
    expect((await header({})).prefilled).toEqual({ to: 'N1' });
    expect(await header({ to: 'N2' })).not.toHaveProperty('prefilled');
    expect((await tenant.plan('move', { vehicle: truck('T1') })).plan.parametersText).not.toContain('N1');
    expect((await tenant.plan('move', { vehicle: truck('T1') })).summary.prefilled).toEqual({ to: 'N1' });
  });

  it('that cannot be computed say which parameter, and which object lacks which property', async () => {
    const document = structuredClone(motorPool);
    Object.assign(document.actionTypes.move.parameters, { reading: { type: 'integer', prefill: 'vehicle.odometer + 1' } });
    const other = new MemoryTenant(document);
    other.snapshot.apply([
      { op: 'create', type: 'depot', id: 'N1', set: { name: 'N1', open: true } },
      { op: 'create', type: 'truck', id: 'T1', set: { plate: 'T1', state: 'ready', depot: 'N1' } },
    ]);
    expect(await other.faults('move', { vehicle: truck('T1') })).toEqual([
      expect.stringMatching(
        /reading\/prefill: reading cannot be filled in: .*, where vehicle.odometer is absent; truck T1 has no odometer$/,
      ),
    ]);
    Object.assign(document.actionTypes.move.parameters.vehicle, { sensitive: true });
    const secretive = new MemoryTenant(document);
    secretive.snapshot.apply([
      { op: 'create', type: 'depot', id: 'N1', set: { name: 'N1', open: true } },
      { op: 'create', type: 'truck', id: 'T1', set: { plate: 'T1', state: 'ready', depot: 'N1' } },
    ]);
    expect((await secretive.faults('move', { vehicle: truck('T1') })).join()).toMatch(/where vehicle.odometer is absent$/);
  });

  it('that are neither given nor can be filled in are required at the simulation', async () => {
    tenant.snapshot.apply([{ op: 'modify', type: 'truck', id: 'T1', unset: ['depot'], before: {} }]);
    expect(await tenant.faults('move', { vehicle: truck('T1') })).toEqual(['constraint_failed /parameters/to: is required']);
  });

  it('may be seen only where their condition holds, and are required where theirs does', async () => {
    expect(await tenant.faults('move', { vehicle: truck('T1'), reason: 'storm' })).toEqual([
      'constraint_failed /parameters/reason: must not be given here',
    ]);
    expect(await tenant.faults('move', { vehicle: truck('T1'), urgent: true })).toEqual([]);
    drive('T1', 600);
    expect(await tenant.faults('move', { vehicle: truck('T1') })).toEqual([]);
    expect(await tenant.faults('move', { vehicle: truck('T1'), urgent: true })).toEqual([
      'constraint_failed /parameters/reason: is required',
    ]);
    expect(await tenant.faults('move', { vehicle: truck('T1'), urgent: true, reason: 'ice' })).toEqual([
      'constraint_failed /parameters/reason: Say more.',
    ]);
  });

  it('are held to constraints on the objects behind them, on the proposer and on time, all of which are told and read', async () => {
    drive('T1', 1000, { state: 'broken' });
    tenant.snapshot.apply([{ op: 'modify', type: 'depot', id: 'N2', set: { closesAt: '2026-01-02T00:00:00.000Z' }, before: {} }]);
    const json = { vehicle: truck('T1'), to: 'N2' };
    const outcome = await tenant.propose('move', json);
    expect(outcome.kind === 'invalid' && outcome.faults.map(({ message }) => message)).toEqual([
      'Only what is ready can be moved.',
      'Only a chief moves what has gone so far.',
    ]);
    const reads = outcome.kind === 'invalid' ? outcome.readSet.reads : [];
    expect(new Set(reads.find(({ type }) => type === 'truck')?.properties)).toEqual(new Set(['$', 'depot', 'odometer', 'state']));
    tenant.roles = ['chief'];
    drive('T1', 1000, { state: 'ready' });
    expect(await tenant.faults('move', json)).toEqual([]);
    expect(await tenant.faults('move', json, '2026-01-02T00:00:00.000Z')).toEqual([
      'constraint_failed /parameters/to: The depot is closed.',
    ]);
    expect(tenant.ontology.actionTypes.get('move')?.compiled.criteriaAskTime).toBe(true);
  });

  it('keep a null that is given apart from what is not given', async () => {
    drive('T1', 1, { remark: 'old' });
    expect((await tenant.plan('move', { vehicle: truck('T1') })).plan.edits).toEqual([]);
    const { plan } = await tenant.execute('move', { vehicle: truck('T1'), remark: null });
    expect(plan.parametersText).toContain('"remark":null');
    expect(plan.edits).toEqual([{ op: 'modify', type: 'truck', id: 'T1', unset: ['remark'], before: { remark: 'old' } }]);
  });

  it('tell in their JSON Schema what must be given, what may be null, and how interfaces and sets are named', () => {
    const schema = tenant.ontology.actionTypes.get('move')?.parametersSchema;
    expect(schema).toMatchObject({
      required: ['vehicle'],
      properties: {
        vehicle: { type: 'object', properties: { type: { enum: ['barge', 'truck'] } }, 'x-reference-to': 'vehicle' },
        remark: { type: ['string', 'null'] },
      },
    });
    expect(tenant.ontology.actionTypes.get('retire')?.parametersSchema).toMatchObject({
      properties: { trucks: { properties: { filter: { type: 'string' } }, 'x-object-set-of': 'truck' } },
    });
  });
});

describe('an object set', () => {
  it('is what its filter selects at the simulation: fixed in the plan, read as a query, a list in expressions and loops', async () => {
    drive('T2', 50);
    const { plan, readSet, summary } = await tenant.execute('retire', {
      trucks: { filter: 'odometer < 10' },
      spare: { filter: 'odometer >= 10' },
    });
    expect(plan.header.objectSets).toEqual({ trucks: ['T1', 'T3'], spare: ['T2'] });
    expect(summary.objectSets).toEqual({ trucks: { count: 2, ids: ['T1', 'T3'] }, spare: { count: 1, ids: ['T2'] } });
    expect(text(plan.edits)).toEqual(['delete truck T1', 'modify truck T2', 'delete truck T3']);
    expect(tenant.object('truck', 'T2')).toMatchObject({ remark: 'spare, 2 retired' });
    expect(readSet.queries.filter((query) => query.kind === 'objects' && query.type === 'truck')).toHaveLength(2);
  });

  it('may be asked about in criteria, and be too large', async () => {
    drive('T2', 50, { state: 'away' });
    expect((await tenant.faults('retire', { trucks: { filter: 'true' } }))[0]).toMatch(/^criteria_failed/);
    await tenant.execute('register', { kind: 'truck', plates: ['T4'], depot: 'N1' });
    expect(await tenant.faults('retire', { trucks: { filter: 'true' } })).toEqual([
      'limit_exceeded /parameters/trucks: the filter selects 4 objects of type truck, and trucks may hold 3',
    ]);
  });

  it('has a filter that is looked at before anything is stored', () => {
    const pointers = (trucks: unknown) => {
      const outcome = parseParameters(tenant.ontology, 'retire', { trucks });
      return outcome.ok ? [] : outcome.faults.map(({ code, pointer }) => `${code} ${pointer}`);
    };
    expect(pointers({ filter: 'odometer < 10' })).toEqual([]);
    for (const filter of ['odometer <', 'size(plate) > 3', 'wheels == 1', 'plate.matches("(a+)+$")', 3]) {
      expect(pointers({ filter })).toEqual(['invalid_parameters /parameters/trucks/filter']);
    }
    expect(pointers('true')).toEqual(['invalid_parameters /parameters/trucks']);
    expect(pointers({ filter: 'true', of: 'barge' })).toEqual(['unknown_field /parameters/trucks/of']);
  });
});

describe('what the simulation chose', () => {
  const document = structuredClone(motorPool);
  Object.assign(document.objectTypes.truck.properties.odometer, { sensitive: true });
  Object.assign(document.actionTypes.move.parameters.to, { sensitive: true });
  Object.assign(document.actionTypes.retire.parameters.trucks, { sensitive: true });
  const secretive = new MemoryTenant(document);

  it('passes through the mask, like what was given', () => {
    const mask = new Mask(new SensitiveFields(secretive.ontology.document), () => false);
    const summary = { prefilled: { to: 'N1', urgent: true }, objectSets: { trucks: { count: 1, ids: ['T1'] } } } as unknown as PlanSummary;
    expect(mask.summary('move', summary)).toMatchObject({ prefilled: { to: maskedValue, urgent: true } });
    expect(mask.summary('retire', summary)).not.toHaveProperty('objectSets');
    expect(mask.summary('move', summary)).toHaveProperty('objectSets');
  });

  it('is not chosen by what is sensitive', () => {
    const parse = (filter: string) => parseParameters(secretive.ontology, 'retire', { trucks: { filter } });
    expect(parse("state == 'ready'")).toMatchObject({ ok: true });
    for (const filter of ['odometer < 10', "!(state == 'ready' || odometer in [1])"]) {
      expect(parse(filter)).toMatchObject({ ok: false, faults: [{ message: 'odometer is sensitive and cannot be asked for' }] });
    }
  });
});

describe('rules over an interface', () => {
  it('change, delete and query objects of every type that implements it', async () => {
    drive('T1', 10);
    drive('B1', 10, { state: 'broken' });
    const { plan, readSet } = await tenant.execute('scrap', { beyond: 10 });
    expect(text(plan.edits)).toEqual(['delete barge B1', 'modify truck T1']);
    expect(readSet.queries.flatMap((query) => (query.kind === 'objects' ? [query.type] : [])).sort()).toEqual(
      expect.arrayContaining(['barge', 'truck']),
    );
    expect((await tenant.execute('service', { vehicles: [truck('T1'), truck('T2')] })).plan.edits).toHaveLength(2);
  });

  it('are bounded by the sum over those types, and each of them in the database', async () => {
    expect(await tenant.faults('service', { vehicles: [truck('T1'), truck('T2'), barge('B1')] })).toEqual([
      'limit_exceeded : the plan touches 3 objects of type vehicle, and service allows 2',
    ]);
    expect(tenant.ontology.actionTypes.get('service')?.ceilings.objects).toEqual({ barge: 2, truck: 2 });
  });

  it('take an object by type and id, which must implement it and be there', async () => {
    const parse = (vehicle: unknown) => parseParameters(tenant.ontology, 'assign', { driver: 'd1', vehicle });
    expect(parse({ type: 'depot', id: 'N1' })).toMatchObject({ ok: false, faults: [{ pointer: '/parameters/vehicle/type' }] });
    expect(parse('T1')).toMatchObject({ ok: false, faults: [{ pointer: '/parameters/vehicle' }] });
    expect(await tenant.faults('assign', { driver: 'd1', vehicle: truck('T7') })).toEqual([
      'unknown_reference /parameters/vehicle: there is no truck T7',
    ]);
  });

  it('end a link only where the object is of the type that the link asks for', async () => {
    expect(await tenant.faults('assign', { driver: 'd1', vehicle: barge('B1') })).toEqual([
      'invalid_value /actionTypes/assign/rules/0/to: vehicle is a barge, not a truck',
    ]);
  });

  it('may write what every type that implements it may, and nothing else', () => {
    expect(tenant.ontology.actionTypes.get('scrap')?.surface).toEqual([
      { type: 'barge', operation: 'delete' },
      { type: 'barge', operation: 'modify', properties: ['state'] },
      { type: 'drives', operation: 'unlink' },
      { type: 'truck', operation: 'delete' },
      { type: 'truck', operation: 'modify', properties: ['state'] },
    ]);
    expect(tenant.ontology.actionTypes.get('register')?.surface).toEqual([
      { type: 'barge', operation: 'create', properties: ['depot', 'odometer', 'plate', 'state'] },
      { type: 'barge', operation: 'modify', properties: ['depot', 'plate', 'state'] },
      { type: 'truck', operation: 'create', properties: ['axles', 'depot', 'odometer', 'plate', 'state'] },
      { type: 'truck', operation: 'modify', properties: ['depot', 'state'] },
    ]);
  });
});

describe('a definition', () => {
  type Json = Record<string, unknown>;
  const faults = (change: (document: { actionTypes: Record<string, Json> }) => void): string => {
    const document = structuredClone(motorPool);
    change(document as never);
    const outcome = compileOntology(document);
    return outcome.ok ? '' : outcome.faults.map(({ pointer, message }) => `${pointer}: ${message}`).join('\n');
  };
  const rule = (action: string, spoil: (rule: Json) => void) =>
    faults((document) => spoil(((document.actionTypes[action] as Json).rules as Json[])[0] as Json));
  const inner = (spoil: (rule: Json) => void) => rule('register', (outer) => spoil((outer.do as Json[])[0] as Json));
  const parameter = (action: string, name: string, change: Json) =>
    faults((document) => Object.assign(((document.actionTypes[action] as Json).parameters as Record<string, Json>)[name] ?? {}, change));

  it.each([
    ['an interface without saying which type', () => inner((it) => delete it.objectType), /objectType: must say which type is created/],
    [
      'a type where there is no choice',
      () =>
        inner((it) => {
          it.type = 'barge';
        }),
      /objectType: is for interfaces/,
    ],
    ['an object that nothing names', () => inner((it) => delete it.id), /id: barge has no key/],
    ['what one of the types requires', () => inner((it) => delete (it.set as Json).state), /set: state is required of a barge/],
    [
      'a property twice',
      () =>
        inner((it) => {
          it.create = { state: "'ready'" };
        }),
      /create\/state: state is also set/,
    ],
    [
      'a property that only one type has',
      () =>
        inner((it) => {
          it.create = { axles: '2' };
        }),
      /create\/axles: vehicle has no property axles/,
    ],
    [
      'an id for an object of an interface',
      () =>
        rule('move', (it) => {
          it.object = "'T1'";
        }),
      /object: must be a vehicle, but is string/,
    ],
    [
      'a path that goes nowhere',
      () =>
        rule('alert', (it) => {
          it.in = { path: [{ link: 'depots' }, { link: 'drives' }], of: 'region' };
        }),
      /path\/1\/link: a depot is no end of drives/,
    ],
    [
      'a path turned the wrong way',
      () =>
        rule('alert', (it) => {
          it.in = { path: [{ link: 'depots' }, { link: 'trucks', reverse: true }], of: 'region' };
        }),
      /path\/1\/reverse: a depot is the from end/,
    ],
    [
      'a fill-in that sees another',
      () => parameter('move', 'reason', { prefill: 'to.name' }),
      /reason\/prefill: the expression language says: Unknown variable: to/,
    ],
    [
      'a fill-in of another type',
      () => parameter('move', 'to', { prefill: 'vehicle.odometer' }),
      /to\/prefill: must be a value of type reference, but is int/,
    ],
    [
      'a fill-in beside a default',
      () => parameter('move', 'urgent', { prefill: 'true' }),
      /urgent\/prefill: would never be computed beside a default/,
    ],
    [
      'a constraint that is no condition',
      () => parameter('move', 'to', { constraints: [{ condition: 'to.name', message: 'x' }] }),
      /to\/constraints\/0\/condition: must be true or false, but is string/,
    ],
    ['a set of what is no type', () => parameter('retire', 'spare', { of: 'vehicle' }), /spare\/of: there is no object type vehicle/],
    [
      'a default filter that selects nothing one can ask for',
      () => parameter('retire', 'spare', { default: { filter: 'wheels == 1' } }),
      /spare\/default\/filter: the expression language says: Unknown variable: wheels/,
    ],
    ['a default filter of another shape', () => parameter('retire', 'spare', { default: 'true' }), /spare\/default: must be an object/],
  ])('is refused for %s', (_, spoilt, expected) => {
    expect(spoilt()).toMatch(expected);
  });

  it('means something else once another type implements an interface that it goes over', () => {
    const digests = (change?: (document: typeof motorPool) => void) => {
      const document = structuredClone(motorPool);
      change?.(document);
      const outcome = compileOntology(document);
      if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
      return new Map([...outcome.ontology.actionTypes].map(([name, { definitionDigest }]) => [name, definitionDigest]));
    };
    const before = digests();
    const after = digests((document) => {
      Object.assign(document.objectTypes, { sledge: { ...document.objectTypes.barge } });
    });
    expect([...after].flatMap(([name, digest]) => (digest === before.get(name) ? [] : [name])).sort()).toEqual([
      'assign',
      'disagree',
      'move',
      'register',
      'scrap',
      'service',
    ]);
  });
});

describe('whatever is sent', () => {
  it('is refused or planned, and never throws', async () => {
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom<unknown>(null, true, 0, 1.5, 'T1', 'N1', 'truck', '__proto__', "state == 'ready'", '\u0000', '\ud800', ''),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('type', 'id', 'filter', '__proto__', 'constructor'), tie('value'), { maxKeys: 3 }),
      ),
    })).value;
    const actions = [...tenant.ontology.actionTypes];
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.infiniteStream(json), fc.infiniteStream(fc.boolean()), async (at, values, isGiven) => {
        const [name, { definition }] = actions[at % actions.length] as (typeof actions)[number];
        const given = Object.keys(definition.parameters).filter(() => isGiven.next().value);
        const parameters = Object.fromEntries([...given, ...(at % 7 === 0 ? ['__proto__'] : [])].map((key) => [key, values.next().value]));
        const parsed = parseParameters(tenant.ontology, name, parameters);
        if (parsed.ok) {
          await tenant.propose(name, parameters);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
