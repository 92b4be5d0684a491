// Whatever comes in, an answer comes out: documents, expressions and filters that nobody would write, and mutations of some that somebody did.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import powerGrid from '../../examples/power-grid/ontology.json' with { type: 'json' };
import { compileExpression, ExpressionError, type Frame } from '../../ontology/cel/expression.ts';
import { Scope, Vocabulary } from '../../ontology/cel/scope.ts';
import { compileFilter } from '../../ontology/compile-filter.ts';
import { compileOntology } from '../../ontology/compile-ontology.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { parseParameters } from '../../ontology/parameters.ts';
import { ApiScene } from '../api/api-scene.ts';
import estate from '../fixtures/estate.json' with { type: 'json' };
import warehouse from '../fixtures/warehouse.json' with { type: 'json' };

// A database of its own: tests/support/database.ts.
const slowestMs = 2_000; // Of the processor, whatever else the machine does.

function within<T>(what: unknown, work: () => T): T {
  const began = process.cpuUsage();
  const result = work();
  const { user } = process.cpuUsage(began);
  if (user / 1_000 > slowestMs) throw new Error(`took ${user / 1_000} ms: ${JSON.stringify(what)?.slice(0, 500)}`);
  return result;
}

const tokens = [
  ...[
    'xs',
    's',
    'n',
    'd',
    't',
    'b',
    'x',
    '1',
    '0',
    '-1',
    '9223372036854775807',
    '1.5',
    '1e308',
    "'a'",
    "''",
    '"\\u0000"',
    'null',
    'true',
    '[]',
    '{}',
    "b'a'",
    '0u',
  ],
  ...['+', '-', '*', '/', '%', '==', '!=', '<', '>=', '&&', '||', '!', '?', ':', 'in', '.', ',', '(', ')', '[', ']', '{', '}', '?.'],
  ...[
    '.map(x, ',
    '.all(x, ',
    '.exists(x, ',
    '.filter(x, ',
    '.exists_one(x, ',
    'cel.bind(x, ',
    'has(',
    'size(',
    'string(',
    'int(',
    'double(',
    'timestamp(',
    'duration(',
  ],
  ...[
    'decimal(',
    'date(',
    'dyn(',
    'type(',
    'geopoint(',
    '.distance(',
    '.matches(',
    '.split(',
    '.join(',
    '.contains(',
    '.substring(',
    '.getHours(',
    '.size()',
    '_loop(',
    '_matches(',
  ],
];
const text = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...tokens), { minLength: 1, maxLength: 14 }).map((all) => all.join(' ')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('(', '!', '-', '[', 'xs.map(x, ', "{'a': "), fc.nat(3_000))
      .map(([part, times]) => part.repeat(times)),
  },
);

describe('an expression', () => {
  const scope = new Scope(new Vocabulary(new Map()))
    .with('xs', 'list<int>')
    .with('s', 'string')
    .with('n', 'int')
    .with('d', 'decimal')
    .with('t', 'google.protobuf.Timestamp')
    .with('b', 'bool');
  const frame: Frame = { xs: [1n, 2n, 3n], s: 'text', n: 7n, d: null, t: new Date(0), b: true };
  const anything = { type: () => true, words: 'anything' };

  it('is compiled or refused, and computed or refused, within a moment', () => {
    const seen = { refused: 0, computed: 0, failed: 0 };
    const go = (source: string) => {
      const outcome = within(source, () => compileExpression(scope, source, '/x', anything));
      if ('fault' in outcome) {
        seen.refused++;
        return;
      }
      try {
        within(source, () => outcome.expression.compute(frame));
        seen.computed++;
      } catch (error) {
        expect(error).toBeInstanceOf(ExpressionError);
        seen.failed++;
      }
    };
    fc.assert(fc.property(text, go), { numRuns: 20_000 });
    fc.assert(fc.property(wellFormed, go), { numRuns: 5_000 });
    expect(seen.computed).toBeGreaterThan(500);
    expect(seen.failed).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(5_000);
  });
});

/** Mostly right by types, so that many are computed. */
const { number: wellFormed } = fc.letrec<{ number: string; list: string; truth: string; text: string }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('n', '0', '1', '-3', '9223372036854775807', 'xs[0]', 'xs[9]'),
    fc.tuple(tie('number'), fc.constantFrom('+', '-', '*', '/', '%'), tie('number')).map(([a, op, c]) => `(${a} ${op} ${c})`),
    tie('list').map((list) => `size(${list})`),
    fc.tuple(tie('truth'), tie('number'), tie('number')).map(([c, yes, no]) => `(${c} ? ${yes} : ${no})`),
    tie('text').map((inner) => `int(${inner})`),
    tie('number').map((inner) => `cel.bind(y, ${inner}, y + y)`),
  ),
  list: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('xs', '[]', '[1, 2]'),
    fc.tuple(tie('list'), tie('number')).map(([list, body]) => `${list}.map(x, x + ${body})`),
    fc.tuple(tie('list'), tie('truth')).map(([list, body]) => `${list}.filter(x, x > 1 && ${body})`),
    fc.tuple(tie('list'), tie('list')).map(([a, c]) => `(${a} + ${c})`),
  ),
  truth: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('b', 'true', 'd == null', "t < timestamp('2001-01-01T00:00:00Z')"),
    fc.tuple(tie('number'), fc.constantFrom('<', '==', '>='), tie('number')).map(([a, op, c]) => `${a} ${op} ${c}`),
    fc.tuple(tie('number'), tie('list')).map(([item, list]) => `${item} in ${list}`),
    fc.tuple(tie('list'), tie('truth')).map(([list, body]) => `${list}.exists(x, x == 2 || ${body})`),
    tie('text').map((inner) => `${inner}.matches('^a+$')`),
  ),
  text: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('s', "'a'", "'12'"),
    fc.tuple(tie('text'), tie('text')).map(([a, c]) => `(${a} + ${c})`),
    tie('number').map((inner) => `string(${inner})`),
    tie('number').map((inner) => `s.substring(${inner})`),
  ),
}));

const documents = [warehouse, estate, powerGrid] as unknown as JsonValue[];
const junk: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(
    null,
    true,
    -1,
    0,
    1.5,
    1e308,
    2 ** 53,
    '',
    'x',
    '__proto__',
    'constructor',
    '\u0000',
    '\ud800',
    [],
    {},
    [[]],
    'x'.repeat(5_000),
  ),
  fc.json({ maxDepth: 3 }).map((json) => JSON.parse(json) as JsonValue),
  text,
);

/** One place of the document, by a walk that the numbers choose, becomes something else, goes, or comes twice. */
const mutated = fc
  .tuple(
    fc.constantFrom(...documents),
    fc.array(fc.tuple(fc.array(fc.nat(30), { minLength: 1, maxLength: 8 }), fc.constantFrom('set', 'drop', 'copy'), junk), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([document, changes]) => {
    const copy = structuredClone(document);
    for (const [walk, how, value] of changes) change(copy, walk, how, value);
    return copy;
  });

function change(document: JsonValue, walk: readonly number[], how: string, value: JsonValue): void {
  let at = document as Record<string, JsonValue>;
  for (const [depth, step] of walk.entries()) {
    const names = Object.keys(at);
    const name = names[step % Math.max(1, names.length)];
    if (name === undefined) return;
    const next = at[name];
    if (depth < walk.length - 1 && typeof next === 'object' && next !== null) {
      at = next as Record<string, JsonValue>;
      continue;
    }
    if (how === 'drop') delete at[name];
    else if (how === 'copy') at[`${name}2`] = structuredClone(next ?? null);
    else at[name] = value;
    return;
  }
}

describe('a document', () => {
  it('is compiled, or refused with pointers, within a moment', () => {
    let accepted = 0;
    const go = (document: JsonValue) => {
      const outcome = within(document, () => compileOntology(document));
      if (outcome.ok) accepted++;
      else expect(outcome.faults.every((fault) => typeof fault.message === 'string' && fault.message !== '')).toBe(true);
    };
    fc.assert(fc.property(mutated, go), { numRuns: 1_500 });
    fc.assert(fc.property(junk, go), { numRuns: 500 });
    expect(accepted).toBeGreaterThan(30);
  });
});

describe('parameters and filters', () => {
  const outcome = compileOntology(estate);
  if (!outcome.ok) throw new Error('the fixture does not compile');
  const { ontology } = outcome;

  it('are taken or refused, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ontology.actionTypes.keys()),
        junk,
        fc.dictionary(fc.constantFrom('code', 'parcel', 'price', 'place', 'address', 'visits'), junk),
        (action, whole, parts) => {
          for (const json of [whole, parts]) within(json, () => parseParameters(ontology, action, json));
        },
      ),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...ontology.objectTypes.keys()), text, (type, filter) => {
        within(filter, () => compileFilter(ontology, type, filter));
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('over HTTP', () => {
  let scene: ApiScene;
  beforeAll(async () => {
    scene = await ApiScene.open();
  });
  afterAll(() => scene?.close());

  it('an upload is answered, and never with a fault of ours', async () => {
    const admin = scene.as({ id: 'ontology-admin-1' });
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(mutated, fc.boolean(), async (document, dryRun) => {
        const { status, body } = await admin.put(`/v1/ontology?dryRun=${dryRun}`, document);
        statuses.add(status);
        expect(status, JSON.stringify(body).slice(0, 500)).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
    expect(statuses.has(200) || statuses.has(201)).toBe(true);
    expect(statuses.has(422)).toBe(true);
  });
});
