// Live data against documents that it may not fit, on a clone from tests/support/database.ts.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalText } from '../../ontology/canonical-json.ts';
import type { PropertyDefinition } from '../../ontology/definition.ts';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import type { Fault } from '../../ontology/plan.ts';
import { normaliseValue } from '../../ontology/value.ts';
import type { OntologyOutcome } from '../../store/put-ontology.ts';
import { expectDone, type Fixture, openFixture } from './fixture.ts';
import { uploaded } from './govern.ts';

const things = 23; // More than are shown.

const stock = {
  objectTypes: {
    shelf: { key: 'code', properties: { code: { type: 'string' } } },
    thing: {
      key: 'code',
      properties: {
        code: { type: 'string' },
        size: { type: 'integer' },
        price: { type: 'decimal' },
        made: { type: 'date' },
        seen: { type: 'timestamp' },
        label: { type: 'string' },
        tags: { type: 'array', items: { type: 'string' } },
        box: { type: 'struct', properties: { width: { type: 'integer' }, note: { type: 'string' } } },
        shelf: { type: 'reference', to: 'shelf' },
      },
    },
    rare: { properties: { name: { type: 'string' } } },
  },
  linkTypes: {
    held: { from: 'shelf', to: 'thing', cardinality: 'one-to-many', via: 'shelf' },
    fits: { from: 'thing', to: 'thing', cardinality: 'many-to-many' },
  },
  actionTypes: {
    stock: {
      parameters: {
        shelves: { type: 'array', items: { type: 'string' } },
        things: {
          type: 'array',
          items: {
            type: 'struct',
            properties: {
              code: { type: 'string', required: true },
              size: { type: 'integer' },
              price: { type: 'decimal' },
              made: { type: 'date' },
              seen: { type: 'timestamp' },
              label: { type: 'string' },
              tags: { type: 'array', items: { type: 'string' } },
              box: { type: 'struct', properties: { width: { type: 'integer' }, note: { type: 'string' } } },
              shelf: { type: 'string' },
            },
          },
        },
      },
      rules: [
        { rule: 'forEach', as: 's', in: { list: 'shelves' }, do: [{ rule: 'create', type: 'shelf', set: { code: 's' } }] },
        {
          rule: 'forEach',
          as: 't',
          in: { list: 'things' },
          do: [
            {
              rule: 'create',
              type: 'thing',
              set: Object.fromEntries(
                ['code', 'size', 'price', 'made', 'seen', 'label', 'tags', 'box', 'shelf'].map((name) => [name, `t.${name}`]),
              ),
            },
          ],
        },
      ],
      approvalPolicy: 'by-itself',
    },
    fit: {
      parameters: { a: { type: 'reference', to: 'thing', required: true }, b: { type: 'reference', to: 'thing', required: true } },
      rules: [{ rule: 'link', link: 'fits', from: 'a', to: 'b' }],
      approvalPolicy: 'by-itself',
    },
  },
  approvalPolicies: {
    'by-itself': {
      stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
      expiresAfter: 'PT1H',
      automatic: { condition: 'true', ceilings: { edits: 1000 } },
    },
  },
};
type Stock = typeof stock;

let fixture: Fixture;
const put = (change: (document: Stock) => void, dryRun = false) => {
  const document = structuredClone(stock);
  Reflect.deleteProperty(document, 'actionTypes'); // Rules that would no longer compile are beside the point here.
  change(document);
  return uploaded(fixture, document as unknown as JsonValue, { dryRun });
};
const properties = (document: Stock) => document.objectTypes.thing.properties;
const ids = (...numbers: number[]) => numbers.map((number) => `T${String(number).padStart(2, '0')}`);

beforeAll(async () => {
  fixture = await openFixture(stock as unknown as JsonValue);
  await fixture.done('stock', {
    shelves: ['S1', 'S2'],
    things: Array.from({ length: things }, (_, at) => ({
      code: `T${String(at).padStart(2, '0')}`,
      size: at,
      price: `${at}.5`,
      made: `2001-01-${String(at + 1).padStart(2, '0')}`,
      seen: `2001-01-${String(at + 1).padStart(2, '0')}T00:00:00Z`,
      label: at < 20 ? `label ${at}` : 'the same',
      tags: at === 4 ? ['a', 'a'] : ['a'],
      box: at % 2 === 0 ? { width: at } : { width: at, note: 'x' },
      shelf: 'S1',
    })),
  } as JsonObject);
  await fixture.done('fit', { a: 'T00', b: 'T01' });
});
afterAll(() => fixture.close());

describe('a document that live data does not fit', () => {
  const thing = '/objectTypes/thing/properties';
  const cases: [what: string, pointer: string, count: number, shown: string[], change: (document: Stock) => void][] = [
    [
      'a type is gone',
      '/objectTypes/shelf',
      2,
      ['S1', 'S2'],
      (d) => {
        Reflect.deleteProperty(d.objectTypes, 'shelf');
        Reflect.deleteProperty(d.linkTypes, 'held');
        Reflect.deleteProperty(properties(d), 'shelf');
      },
    ],
    [
      'the key is another',
      '/objectTypes/thing/key',
      things,
      ids(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
      (d) => Reflect.deleteProperty(d.objectTypes.thing, 'key'),
    ],
    [
      'a property is gone',
      `${thing}/size`,
      things,
      ids(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
      (d) => Reflect.deleteProperty(properties(d), 'size'),
    ],
    ['a whole number is bounded', `${thing}/size`, 2, ids(21, 22), (d) => Object.assign(properties(d).size, { maximum: 20 })],
    ['a decimal is bounded', `${thing}/price`, 3, ids(0, 1, 2), (d) => Object.assign(properties(d).price, { minimum: '2.51' })],
    ['a day is bounded', `${thing}/made`, 1, ids(22), (d) => Object.assign(properties(d).made, { maximum: '2001-01-22' })],
    ['a time is bounded', `${thing}/seen`, 1, ids(0), (d) => Object.assign(properties(d).seen, { minimum: '2001-01-01T00:00:00.001Z' })],
    [
      'a text is bounded',
      `${thing}/label`,
      13,
      ids(10, 11, 12, 13, 14, 15, 16, 17, 18, 19),
      (d) => Object.assign(properties(d).label, { maxLength: 8 - 1, pattern: 'label .|the same' }),
    ],
    ['a list must be distinct', `${thing}/tags`, 1, ids(4), (d) => Object.assign(properties(d).tags, { distinct: true })],
    [
      'a field is required',
      `${thing}/box`,
      12,
      ids(0, 2, 4, 6, 8, 10, 12, 14, 16, 18),
      (d) => Object.assign(properties(d).box.properties.note, { required: true }),
    ],
    [
      'a field is gone',
      `${thing}/box`,
      11,
      ids(1, 3, 5, 7, 9, 11, 13, 15, 17, 19),
      (d) => Reflect.deleteProperty(properties(d).box.properties, 'note'),
    ],
    [
      'a new property is required',
      `${thing}/colour`,
      things,
      ids(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
      (d) => Object.assign(properties(d), { colour: { type: 'string', required: true, default: 'red' } }),
    ],
    ['a text is unique', `${thing}/label/unique`, 3, ids(20, 21, 22), (d) => Object.assign(properties(d).label, { unique: true })],
    [
      'a link is one-to-one',
      '/linkTypes/held/cardinality',
      things,
      ids(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
      (d) => Object.assign(d.linkTypes.held, { cardinality: 'one-to-one' }),
    ],
    ['links of rows are gone', '/linkTypes/fits', 1, ids(0), (d) => Reflect.deleteProperty(d.linkTypes, 'fits')],
    ['links of rows join other types', '/linkTypes/fits', 1, ids(0), (d) => Object.assign(d.linkTypes.fits, { to: 'shelf' })],
    [
      'an end with rows is required',
      '/linkTypes/fits/requiredEnds',
      things - 1,
      ids(0, 2, 3, 4, 5, 6, 7, 8, 9, 10),
      (d) => Object.assign(d.linkTypes.fits, { requiredEnds: ['to'] }),
    ],
    [
      'the one end is required',
      '/linkTypes/held/requiredEnds',
      1,
      ['S2'],
      (d) => Object.assign(d.linkTypes.held, { requiredEnds: ['from'] }),
    ],
  ];

  it.each(cases)('is refused when %s, with the objects counted and ten of them shown', async (_, pointer, count, shown, change) => {
    const refused = (await put(change)) as { refused: string; faults: Fault[] };
    expect(refused.refused).toBe('ontology_breaks_data');
    const fault = refused.faults.find((one) => one.pointer === pointer);
    expect(fault).toMatchObject({ code: 'ontology_breaks_data', count });
    expect(fault?.objects?.map(({ id }) => id)).toEqual(shown);
  });

  it('is refused with every fault at once', async () => {
    const refused = await put((d) => {
      Object.assign(properties(d).size, { maximum: 20 });
      Object.assign(properties(d).label, { unique: true });
      Object.assign(d.linkTypes.held, { requiredEnds: ['from'] });
    });
    expect((refused as { faults: Fault[] }).faults.map(({ pointer }) => pointer)).toEqual([
      `${thing}/size`,
      `${thing}/label/unique`,
      '/linkTypes/held/requiredEnds',
    ]);
  });
});

describe('a breaking change that all live data fits', () => {
  const fitting: [what: string, change: (document: Stock) => void][] = [
    ['a bound around what there is', (d) => Object.assign(properties(d).size, { minimum: 0, maximum: 22 })],
    ['a number of another kind', (d) => Object.assign(properties(d).size, { type: 'double' })],
    ['a value that all have is required', (d) => Object.assign(properties(d).made, { required: true })],
    ['unique where no two are equal', (d) => Object.assign(properties(d).price, { unique: true })],
    [
      'a field with a default',
      (d) => Object.assign(properties(d).box.properties, { depth: { type: 'integer', required: true, default: 1 } }),
    ],
    [
      'anything of a type without objects',
      (d) => Object.assign(d.objectTypes.rare.properties, { more: { type: 'string', required: true } }),
    ],
    [
      'a required end of a type without objects',
      (d) => Object.assign(d.linkTypes, { rares: { from: 'rare', to: 'thing', cardinality: 'many-to-many', requiredEnds: ['from'] } }),
    ],
  ];

  it.each(fitting)('is accepted: %s', async (_, change) => {
    expect(await put(change, true)).toMatchObject({ accepted: true, breaking: true, faults: [] });
  });
});

describe('any definitions of properties', () => {
  const near = fc.oneof(fc.integer({ min: -1, max: 24 }), fc.constantFrom(0, 22, 23, 30));
  const bounds = fc.record({ minimum: near, maximum: near }, { requiredKeys: [] });
  const days = fc.integer({ min: 1, max: 28 }).map((day) => `2001-01-${String(day).padStart(2, '0')}`);
  const text = fc.record(
    {
      minLength: near.filter((n) => n >= 0),
      maxLength: near.filter((n) => n >= 0),
      unique: fc.boolean(),
      pattern: fc.constantFrom('.*', 'label.*', '[a-z 0-9]+'),
    },
    { requiredKeys: [] },
  );
  const of = (name: string, ...definitions: fc.Arbitrary<unknown>[]) =>
    fc.oneof(...definitions).map((definition) => ({ [name]: definition as JsonObject | null }));
  /** A new definition for one or two of the properties, or words that are added to theirs; null takes the property away. */
  const changes = fc
    .array(
      fc.oneof(
        of('size', bounds, bounds, fc.record({ type: fc.constantFrom('double', 'string', 'long') }), fc.constant(null)),
        of(
          'size',
          fc.record({ oneOf: fc.uniqueArray(near, { minLength: 20 }) }),
          fc.constant({ oneOf: Array.from({ length: things }, (_, at) => at) }),
        ),
        of('price', bounds.map(inWords), fc.record({ type: fc.constantFrom('double', 'string'), unique: fc.boolean() })),
        of('made', fc.record({ minimum: days }), fc.record({ maximum: days }), fc.record({ type: fc.constantFrom('string', 'timestamp') })),
        of('label', text, fc.constant({ type: 'enum', values: ['the same'] }), fc.constant(null)),
        of(
          'tags',
          fc.record({ minItems: fc.constantFrom(0, 1, 2), maxItems: fc.constantFrom(1, 2), distinct: fc.boolean() }, { requiredKeys: [] }),
        ),
        of(
          'extra',
          fc.record({ type: fc.constant('string'), required: fc.boolean(), default: fc.constant('x') }, { requiredKeys: ['type'] }),
        ),
      ),
      { minLength: 1, maxLength: 2 },
    )
    .map((list): Record<string, JsonObject | null> => Object.assign({}, ...list));

  it('are accepted exactly when a look at all objects finds none that does not fit', async () => {
    const held = await fixture.inApi((tx) =>
      tx.rows<{ properties: JsonObject }>(`SELECT properties FROM exequatur.object WHERE type = 'thing' AND alive`),
    );
    let accepted = 0;
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(changes, async (wanted) => {
        let all: Record<string, unknown> = {};
        const outcome = await put((d) => {
          all = properties(d);
          for (const [name, definition] of Object.entries(wanted)) {
            if (definition === null) Reflect.deleteProperty(all, name);
            else all[name] = 'type' in definition ? definition : { ...(all[name] as object), ...definition };
          }
        }, true);
        if ('refused' in outcome) return void expect(outcome.refused).toBe('invalid_ontology'); // Bounds that cross.
        runs++;
        accepted += Number(outcome.accepted);
        expect(outcome.accepted, JSON.stringify(outcome.faults)).toBe(
          doAllFit(
            all as Record<string, PropertyDefinition>,
            held.map((object) => object.properties),
          ),
        );
      }),
      { numRuns: 150 },
    );
    expect([accepted > runs / 10, accepted < (runs * 9) / 10]).toEqual([true, true]); // Otherwise little is asked.
  });
});

function inWords({ minimum, maximum }: { minimum?: number; maximum?: number }): JsonObject {
  return { ...(minimum === undefined ? {} : { minimum: String(minimum) }), ...(maximum === undefined ? {} : { maximum: String(maximum) }) };
}

function doAllFit(definitions: Record<string, PropertyDefinition>, objects: readonly JsonObject[]): boolean {
  const fits = (object: JsonObject) =>
    Object.keys(object).every((name) => definitions[name] !== undefined) &&
    Object.entries(definitions).every(([name, definition]) => {
      if (object[name] === undefined) return !definition.required;
      const outcome = normaliseValue(definition, object[name]);
      return 'value' in outcome && canonicalText(outcome.value) === canonicalText(object[name]);
    });
  const isShared = (name: string) => new Set(objects.map((object) => object[name])).size < objects.length;
  return objects.every(fits) && !Object.entries(definitions).some(([name, { unique }]) => unique && isShared(name));
}

describe('a dry run', () => {
  it('says what would come of it, also where data does not fit, and stores nothing', async () => {
    const stored = () =>
      fixture.inApi((tx) =>
        tx.rows(
          'SELECT (SELECT count(*) FROM exequatur.ontology_version) AS v, (SELECT count(*) FROM exequatur.action_type WHERE retired) AS r, (SELECT count(*) FROM exequatur.audit_entry) AS a',
        ),
      );
    const before = await stored();
    const outcome = expectDone(await put((d) => Object.assign(properties(d).size, { maximum: 20 }), true)) as OntologyOutcome;
    expect(outcome).toMatchObject({
      dryRun: true,
      changed: true,
      accepted: false,
      breaking: true,
      version: 2,
      faults: [{ pointer: '/objectTypes/thing/properties/size', count: 2 }],
    });
    expect(outcome.changes.map(({ code }) => code)).toEqual(['action_type_removed', 'action_type_removed', 'constraint_narrowed']);
    expect(outcome.redefined).toEqual([
      { name: 'fit', from: 1, to: null, waiting: { simulatedAgain: 0, kept: 0, ended: 0 } },
      { name: 'stock', from: 1, to: null, waiting: { simulatedAgain: 0, kept: 0, ended: 0 } },
    ]);
    expect(await stored()).toEqual(before);
  });
});
