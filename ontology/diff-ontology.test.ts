import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChangeCode, changeCodes } from './change-codes.ts';
import type { OntologyDocument, PropertyDefinition } from './definition.ts';
import { diffDocuments, type OntologyChange } from './diff-ontology.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { normaliseValue } from './value.ts';

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
/** Few names and few values, so that two documents often speak of the same things and differ in parts. */
const name = fc.constantFrom('a', 'b', 'title', 'x/y');
const text = fc.constantFrom('p', 'q');
const small = fc.integer({ min: 0, max: 3 });
const words = { title: optional(text), description: optional(text) };
const without = <T extends object>(record: fc.Arbitrary<T>) => record.map((value) => JSON.parse(JSON.stringify(value)) as T);
const flags = { required: optional(fc.boolean()), indexed: optional(fc.boolean()), unique: optional(fc.boolean()) };
const more = { ...words, ...flags, sensitive: optional(fc.boolean()), nullable: optional(fc.boolean()), unit: optional(text) };
const asked = { default: optional(small), prefill: optional(text), visibleWhen: optional(text), requiredWhen: optional(text) };
const scalar = fc.oneof(
  without(
    fc.record({ type: fc.constant('integer'), minimum: optional(small), maximum: optional(small), oneOf: optional(fc.uniqueArray(small)) }),
  ),
  without(
    fc.record({
      type: fc.constant('decimal'),
      minimum: optional(fc.constantFrom('1', '1.0', '2')),
      maximum: optional(fc.constantFrom('3', '4')),
    }),
  ),
  without(fc.record({ type: fc.constant('date'), minimum: optional(fc.constantFrom('2001-01-01', '2002-01-01')) })),
  without(
    fc.record({
      type: fc.constant('string'),
      minLength: optional(small),
      maxLength: optional(small),
      pattern: optional(text),
      oneOf: optional(fc.uniqueArray(text)),
    }),
  ),
  without(fc.record({ type: fc.constant('enum'), values: fc.uniqueArray(fc.constantFrom('p', 'q', 'r'), { minLength: 1 }) })),
  without(fc.record({ type: fc.constant('reference'), to: name })),
);
const { definition } = fc.letrec<{ definition: JsonObject; struct: JsonObject; array: JsonObject }>((tie) => ({
  struct: without(
    fc.record({ type: fc.constant('struct'), properties: fc.dictionary(name, tie('definition'), { maxKeys: 2 }) }),
  ) as fc.Arbitrary<JsonObject>,
  array: without(
    fc.record({
      type: fc.constant('array'),
      items: fc.oneof(scalar, tie('struct')),
      minItems: optional(small),
      maxItems: optional(small),
      distinct: optional(fc.boolean()),
    }),
  ) as fc.Arbitrary<JsonObject>,
  definition: fc
    .tuple(fc.oneof({ depthSize: 'small' }, scalar, scalar, tie('array'), tie('struct')), without(fc.record({ ...more, ...asked })))
    .map(([value, rest]) => ({ ...value, ...rest })) as fc.Arbitrary<JsonObject>,
}));
const map = (value: fc.Arbitrary<unknown>) => fc.dictionary(name, value, { maxKeys: 2 });
const criteria = optional(fc.array(fc.record({ condition: text, message: text }), { maxLength: 2 }));
const document = without(
  fc.record({
    interfaces: optional(map(without(fc.record({ ...words, properties: map(definition) })))),
    objectTypes: map(
      without(
        fc.record({
          ...words,
          key: optional(name),
          implements: optional(fc.uniqueArray(name)),
          properties: map(definition),
          minimumApprovals: optional(small),
        }),
      ),
    ),
    linkTypes: optional(
      map(
        fc.oneof(
          without(
            fc.record({
              from: name,
              to: name,
              cardinality: fc.constantFrom('one-to-one', 'one-to-many'),
              via: name,
              onDelete: optional(fc.constantFrom('refuse', 'delete')),
            }),
          ),
          without(
            fc.record({
              from: name,
              to: name,
              cardinality: fc.constant('many-to-many'),
              requiredEnds: optional(fc.uniqueArray(fc.constantFrom('from', 'to'))),
            }),
          ),
        ),
      ),
    ),
    actionTypes: optional(
      map(
        without(
          fc.record({
            ...words,
            parameters: map(definition),
            criteria,
            rules: fc.array(map(text), { maxLength: 2 }),
            limits: optional(without(fc.record({ edits: optional(small), objects: optional(map(small)) }))),
          }),
        ),
      ),
    ),
    approvalPolicies: optional(map(without(fc.record({ ...words, stages: criteria, expiresAfter: text })))),
    sensitiveReaders: optional(text),
  }),
) as unknown as fc.Arbitrary<OntologyDocument>;

describe('the diff of two documents', () => {
  it('is empty where they are equal', () => {
    fc.assert(
      fc.property(document, (one) => {
        expect(diffDocuments(one, structuredClone(one))).toEqual([]);
      }),
    );
  });

  it('covers every difference: with what stands at its pointers the earlier document becomes the later', () => {
    fc.assert(
      fc.property(document, document, (before, after) => {
        expect(said(patched(before, after, diffDocuments(before, after)))).toEqual(said(after));
      }),
      { numRuns: 1_000 },
    );
  });

  it('says no more than once of one place what it says', () => {
    fc.assert(
      fc.property(document, document, (before, after) => {
        const lines = diffDocuments(before, after).map(({ pointer, code, message }) => `${pointer} ${code} ${message}`);
        expect(new Set(lines).size).toBe(lines.length);
      }),
    );
  });

  it('calls compatible only what every stored value still fits, in the form in which it is stored', () => {
    const values: JsonValue[] = [
      null,
      0,
      1,
      2,
      3,
      4,
      'p',
      'q',
      'r',
      '',
      'pp',
      '1',
      '1.5',
      '2',
      '3.5',
      '2001-06-01',
      '2002-06-01',
      [0],
      [1, 1],
      [1, 2, 3],
      ['p'],
      { a: 1 },
      { a: 'p', b: 2 },
      [{ a: 1 }],
    ];
    const stored = definition.filter((one) => one.pattern === undefined && !JSON.stringify(one).includes('default'));
    fc.assert(
      fc.property(stored, stored, (before, after) => {
        const of = (property: JsonObject) => ({ objectTypes: { t: { properties: { p: property as unknown as PropertyDefinition } } } });
        if (diffDocuments(of(before), of(after)).some(({ impact }) => impact === 'breaking')) return;
        for (const value of values) {
          const earlier = normaliseValue(before as unknown as PropertyDefinition, value);
          if ('value' in earlier) expect(normaliseValue(after as unknown as PropertyDefinition, earlier.value)).toEqual(earlier);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

/** Without maps that name nothing: where one is missing is as where it is empty. */
function said(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value).map(([key, inner]) => [key, said(inner)] as const);
  return Object.fromEntries(kept.filter(([, inner]) => JSON.stringify(inner) !== '{}'));
}

/** The earlier document with what the later has at the pointers of the changes, or without what is removed. */
function patched(before: OntologyDocument, after: OntologyDocument, changes: readonly OntologyChange[]): unknown {
  const result = structuredClone(before) as unknown as JsonObject;
  for (const { pointer } of changes) {
    const steps = pointer
      .slice(1)
      .split('/')
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = steps.pop() as string;
    let into = result;
    let from: JsonObject | undefined = after as unknown as JsonObject;
    for (const step of steps) {
      from = from?.[step] as JsonObject | undefined;
      into[step] ??= {};
      into = into[step] as JsonObject;
    }
    if (from?.[last] === undefined) delete into[last];
    else into[last] = from[last];
  }
  return result;
}

const base = {
  interfaces: { placed: { properties: { at: { type: 'geopoint' } } } },
  objectTypes: {
    site: { key: 'code', implements: ['placed'], properties: { code: { type: 'string' }, at: { type: 'geopoint' } } },
    pump: {
      title: 'Pump',
      properties: {
        power: { type: 'decimal', minimum: '1', maximum: '9007199254740993.5', unit: 'kW' },
        state: { type: 'enum', values: ['on', 'off'], required: true, default: 'off' },
        site: { type: 'reference', to: 'site' },
        tags: { type: 'array', items: { type: 'string', maxLength: 5 }, maxItems: 3 },
        seen: { type: 'timestamp' },
      },
    },
  },
  linkTypes: {
    pumps: { from: 'site', to: 'pump', cardinality: 'one-to-many', via: 'site' },
    feeds: { from: 'pump', to: 'pump', cardinality: 'many-to-many' },
  },
  actionTypes: {
    start: {
      parameters: { pump: { type: 'reference', to: 'pump', required: true }, why: { type: 'string' } },
      rules: [{ rule: 'modify', type: 'pump', object: 'pump', set: { state: "'on'" } }],
      approvalPolicy: 'one',
      limits: { edits: 5 },
    },
  },
  approvalPolicies: { one: { title: 'One', stages: [{ name: 's', thresholds: [{ needed: 1, reviewers: 'true' }] }], expiresAfter: 'P1D' } },
};
type Base = typeof base;

describe('each change', () => {
  const cases: [code: ChangeCode, pointer: string, change: (document: Base) => void][] = [
    ['words_changed', '/objectTypes/pump/title', (d) => Object.assign(d.objectTypes.pump, { title: 'The pump' })],
    ['object_type_added', '/objectTypes/valve', (d) => Object.assign(d.objectTypes, { valve: { properties: {} } })],
    ['object_type_removed', '/objectTypes/pump', (d) => Reflect.deleteProperty(d.objectTypes, 'pump')],
    ['key_changed', '/objectTypes/site/key', (d) => Reflect.deleteProperty(d.objectTypes.site, 'key')],
    ['implements_removed', '/objectTypes/site/implements', (d) => d.objectTypes.site.implements.pop()],
    [
      'property_added',
      '/objectTypes/pump/properties/note',
      (d) => Object.assign(d.objectTypes.pump.properties, { note: { type: 'string', default: 'x' } }),
    ],
    [
      'required_property_added',
      '/objectTypes/pump/properties/note',
      (d) => Object.assign(d.objectTypes.pump.properties, { note: { type: 'string', default: 'x', required: true } }),
    ],
    ['property_removed', '/objectTypes/pump/properties/seen', (d) => Reflect.deleteProperty(d.objectTypes.pump.properties, 'seen')],
    ['type_changed', '/objectTypes/pump/properties/seen', (d) => Object.assign(d.objectTypes.pump.properties.seen, { type: 'date' })],
    [
      'required_added',
      '/objectTypes/pump/properties/seen/required',
      (d) => Object.assign(d.objectTypes.pump.properties.seen, { required: true }),
    ],
    [
      'required_removed',
      '/objectTypes/pump/properties/state/required',
      (d) => Object.assign(d.objectTypes.pump.properties.state, { required: false }),
    ],
    [
      'restated',
      '/objectTypes/pump/properties/seen/required',
      (d) => Object.assign(d.objectTypes.pump.properties.seen, { required: false }),
    ],
    ['unit_changed', '/objectTypes/pump/properties/power/unit', (d) => Object.assign(d.objectTypes.pump.properties.power, { unit: 'W' })],
    [
      'unique_added',
      '/objectTypes/pump/properties/seen/unique',
      (d) => Object.assign(d.objectTypes.pump.properties.seen, { unique: true }),
    ],
    [
      'constraint_narrowed',
      '/objectTypes/pump/properties/power/maximum',
      (d) => Object.assign(d.objectTypes.pump.properties.power, { maximum: '9007199254740993.4' }),
    ],
    [
      'constraint_widened',
      '/objectTypes/pump/properties/power/minimum',
      (d) => Object.assign(d.objectTypes.pump.properties.power, { minimum: '0.5' }),
    ],
    [
      'constraint_narrowed',
      '/objectTypes/pump/properties/seen/minimum',
      (d) => Object.assign(d.objectTypes.pump.properties.seen, { minimum: '2001-01-01T00:00:00Z' }),
    ],
    ['value_removed', '/objectTypes/pump/properties/state/values', (d) => d.objectTypes.pump.properties.state.values.shift()],
    ['value_added', '/objectTypes/pump/properties/state/values', (d) => d.objectTypes.pump.properties.state.values.push('broken')],
    ['order_changed', '/objectTypes/pump/properties/state/values', (d) => d.objectTypes.pump.properties.state.values.reverse()],
    [
      'constraint_narrowed',
      '/objectTypes/pump/properties/tags/items/maxLength',
      (d) => Object.assign(d.objectTypes.pump.properties.tags.items, { maxLength: 4 }),
    ],
    [
      'reference_retargeted',
      '/objectTypes/pump/properties/site/to',
      (d) => Object.assign(d.objectTypes.pump.properties.site, { to: 'pump' }),
    ],
    ['cardinality_narrowed', '/linkTypes/pumps/cardinality', (d) => Object.assign(d.linkTypes.pumps, { cardinality: 'one-to-one' })],
    ['cardinality_changed', '/linkTypes/feeds', (d) => Object.assign(d.linkTypes.feeds, { cardinality: 'one-to-many', via: 'pump' })],
    ['required_end_added', '/linkTypes/feeds/requiredEnds', (d) => Object.assign(d.linkTypes.feeds, { requiredEnds: ['from'] })],
    ['on_delete_changed', '/linkTypes/feeds/onDelete', (d) => Object.assign(d.linkTypes.feeds, { onDelete: 'unlink' })],
    ['action_type_removed', '/actionTypes/start', (d) => Reflect.deleteProperty(d.actionTypes, 'start')],
    [
      'parameter_added',
      '/actionTypes/start/parameters/when',
      (d) => Object.assign(d.actionTypes.start.parameters, { when: { type: 'date', required: true, default: '2001-01-01' } }),
    ],
    [
      'required_parameter_added',
      '/actionTypes/start/parameters/when',
      (d) => Object.assign(d.actionTypes.start.parameters, { when: { type: 'date', required: true } }),
    ],
    ['parameter_removed', '/actionTypes/start/parameters/why', (d) => Reflect.deleteProperty(d.actionTypes.start.parameters, 'why')],
    [
      'required_added',
      '/actionTypes/start/parameters/why/required',
      (d) => Object.assign(d.actionTypes.start.parameters.why, { required: true }),
    ],
    [
      'behaviour_changed',
      '/actionTypes/start/rules/0/set/state',
      (d) => Object.assign(d.actionTypes.start.rules[0]?.set ?? {}, { state: "'off'" }),
    ],
    ['limit_lowered', '/actionTypes/start/limits/edits', (d) => Object.assign(d.actionTypes.start.limits, { edits: 4 })],
    ['limit_raised', '/actionTypes/start/limits/edits', (d) => Reflect.deleteProperty(d.actionTypes.start.limits, 'edits')],
    [
      'approval_policy_changed',
      '/approvalPolicies/one/expiresAfter',
      (d) => Object.assign(d.approvalPolicies.one, { expiresAfter: 'P2D' }),
    ],
    ['words_changed', '/approvalPolicies/one/title', (d) => Object.assign(d.approvalPolicies.one, { title: 'Somebody' })],
    ['definition_changed', '/objectTypes/pump/unheardOf', (d) => Object.assign(d.objectTypes.pump, { unheardOf: 1 })],
  ];

  it.each(cases)('is named: %s at %s', (code, pointer, change) => {
    const after = structuredClone(base);
    change(after);
    const changes = diffDocuments(base as OntologyDocument, after as OntologyDocument);
    expect(changes).toMatchObject([{ code, pointer, impact: changeCodes[code].impact }]);
  });
});
