import { describe, expect, expectTypeOf, it } from 'vitest';
import { flightNetwork } from '../examples/flight-network/ontology.ts';
import { digestOf } from './canonical-json.ts';
import { compileOntology } from './compile-ontology.ts';
import { defineOntology, field, type ParametersOf, type PropertiesOf, parameter, property } from './define.ts';

const policies = { one: { stages: [{ name: 's', thresholds: [{ needed: 1, reviewers: 'true' }] }], expiresAfter: 'P1D' } };
const site = { key: 'code', properties: { code: property.string() } } as const;

const grid = defineOntology({
  interfaces: { placed: { properties: { at: property.geopoint({ required: true }) } } },
  objectTypes: {
    site: { key: 'code', implements: ['placed'], properties: { code: property.string(), at: property.geopoint({ required: true }) } },
    line: { implements: ['placed'], properties: { at: property.geopoint({ required: true }), site: property.reference('site') } },
    meter: {
      properties: {
        state: property.oneOf(['on', 'off'], { required: true, default: 'off' }),
        reading: property.decimal({ minimum: '0', unit: 'kWh' }),
        serial: property.long({ unique: true }),
        box: property.struct({ width: field.integer({ required: true }), note: field.string() }),
        tags: property.list({ type: 'string', maxLength: 5 }, { distinct: true }),
      },
    },
  },
  linkTypes: { lines: { from: 'site', to: 'line', cardinality: 'one-to-many', via: 'site' } },
  approvalPolicies: policies,
  actionTypes: {
    everything: {
      parameters: {
        yes: parameter.boolean({ required: true }),
        count: parameter.integer({ required: true, default: 1 }),
        level: parameter.integer({ required: true, oneOf: [1, 2] }),
        ratio: parameter.double({ nullable: true }),
        serial: parameter.long({ required: true }),
        amount: parameter.decimal(),
        name: parameter.string({ required: true, oneOf: ['a', 'b'] }),
        day: parameter.date({ minimum: '2001-01-01' }),
        at: parameter.timestamp({ required: true }),
        where: parameter.geopoint({ required: true }),
        state: parameter.oneOf(['on', 'off'], { required: true }),
        site: parameter.reference('site', { required: true }),
        filled: parameter.string({ required: true, prefill: 'site.code' }),
        shown: parameter.string({ required: true, visibleWhen: 'yes' }),
        place: parameter.reference('placed', { required: true }),
        all: parameter.objectSet('site', { required: true, maxItems: 5 }),
        sites: parameter.references('site', { minItems: 1 }),
        rows: parameter.list(
          { type: 'struct', properties: { code: field.string({ required: true }), size: field.integer() } },
          { required: true, maxItems: 10 },
        ),
        box: parameter.struct({
          width: field.integer({ required: true, default: 1 }),
          kinds: field.list({ type: 'enum', values: ['x', 'y'] }),
        }),
      },
      rules: [{ rule: 'delete', type: 'site', object: 'site' }],
      approvalPolicy: 'one',
    },
  },
});

describe('the parameters of an action', () => {
  it('have the types that the document says', () => {
    expectTypeOf<ParametersOf<typeof grid, 'everything'>>().toEqualTypeOf<{
      yes: boolean;
      count?: number;
      level: 1 | 2;
      ratio?: number | null;
      serial: string;
      amount?: string;
      name: 'a' | 'b';
      day?: string;
      at: string;
      where: { latitude: number; longitude: number };
      state: 'on' | 'off';
      site: string;
      filled?: string;
      shown?: string;
      place: { type: 'site' | 'line'; id: string };
      all: { filter: string };
      sites?: string[];
      rows: { code: string; size?: number }[];
      box?: { width?: number; kinds?: ('x' | 'y')[] };
    }>();
  });

  it('are those of no action that there is not', () => {
    // @ts-expect-error: there is no such action type.
    expectTypeOf<ParametersOf<typeof grid, 'nothing'>>().toBeNever();
  });

  it('are found in the example of a flight network', () => {
    expectTypeOf<ParametersOf<typeof flightNetwork, 'closeAirport'>>().toEqualTypeOf<{ airport: string; reason: string; until?: string }>();
    expectTypeOf<ParametersOf<typeof flightNetwork, 'delayFlights'>>().toEqualTypeOf<{
      flights: string[];
      minutes: number;
      reason: string;
    }>();
    expectTypeOf<ParametersOf<typeof flightNetwork, 'importNetwork'>['routes']>().toEqualTypeOf<
      { origin: string; destination: string; flightCount: number }[] | undefined
    >();
  });
});

describe('the properties of an object', () => {
  it('have the types that the document says; a key is always there', () => {
    expectTypeOf<PropertiesOf<typeof grid, 'site'>>().toEqualTypeOf<{ code: string; at: { latitude: number; longitude: number } }>();
    expectTypeOf<PropertiesOf<typeof grid, 'meter'>>().toEqualTypeOf<{
      state: 'on' | 'off';
      reading?: string;
      serial?: string;
      box?: { width: number; note?: string };
      tags?: string[];
    }>();
  });
});

describe('a name that leads nowhere', () => {
  const rules = [{ rule: 'delete', type: 'site', object: 'site' }] as const;

  it('is an error where it stands', () => {
    defineOntology({ objectTypes: { site, line: { properties: { site: property.reference('site') } } } });
    // @ts-expect-error: a property refers to no object type.
    defineOntology({ objectTypes: { site, line: { properties: { site: property.reference('sight') } } } });
    // @ts-expect-error: a list refers to no object type.
    defineOntology({ objectTypes: { site, line: { properties: { sites: property.references('sight') } } } });
    // @ts-expect-error: a property refers to an interface, which a parameter alone may.
    defineOntology({ interfaces: { p: { properties: {} } }, objectTypes: { site, line: { properties: { p: property.reference('p') } } } });
    // @ts-expect-error: the key is no property.
    defineOntology({ objectTypes: { site: { key: 'id', properties: { code: property.string() } } } });
    // @ts-expect-error: there is no such interface.
    defineOntology({ interfaces: { p: { properties: {} } }, objectTypes: { site: { implements: ['q'], properties: {} } } });
    // @ts-expect-error: a link ends nowhere.
    defineOntology({ objectTypes: { site }, linkTypes: { l: { from: 'site', to: 'sight', cardinality: 'many-to-many' } } });
    const line = { properties: { site: property.reference('site'), line: property.reference('line') } };
    defineOntology({
      objectTypes: { site, line },
      linkTypes: { l: { from: 'site', to: 'line', cardinality: 'one-to-many', via: 'site' } },
    });
    defineOntology({
      objectTypes: { site, line },
      // @ts-expect-error: the property refers to another type.
      linkTypes: { l: { from: 'site', to: 'line', cardinality: 'one-to-many', via: 'line' } },
    });
    const action = { parameters: {}, rules: [...rules], approvalPolicy: 'one' } as const;
    defineOntology({ objectTypes: { site }, approvalPolicies: policies, actionTypes: { a: { ...action, rules: [...rules] } } });
    defineOntology({
      objectTypes: { site },
      approvalPolicies: policies,
      // @ts-expect-error: there is no such policy.
      actionTypes: { a: { ...action, rules: [...rules], approvalPolicy: 'two' } },
    });
    defineOntology({
      objectTypes: { site },
      approvalPolicies: policies,
      // @ts-expect-error: a parameter refers to nothing.
      actionTypes: { a: { parameters: { s: parameter.reference('sight') }, rules: [...rules], approvalPolicy: 'one' } },
    });
    expect(compileOntology(grid)).toMatchObject({ ok: true });
  });

  it('is a misspelt word, too', () => {
    // @ts-expect-error: required.
    property.string({ requierd: true });
    // @ts-expect-error: numbers have no length.
    property.integer({ maxLength: 3 });
    // @ts-expect-error: parameters are not unique.
    parameter.string({ unique: true });
    // @ts-expect-error: properties.
    defineOntology({ objectTypes: { site: { properties: {}, propertys: {} } } });
    // @ts-expect-error: description.
    defineOntology({ objectTypes: { site: { properties: { code: { type: 'string', descripton: 'x' } } } } });
  });
});

it('adds nothing: the example is the document that it was', () => {
  expect(digestOf(flightNetwork)).toBe('sha256:2ad576e08043d2fa4379fcead3fb9cfa459f7dc44a23994cf3f07bff43779761');
});
