import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { flightNetwork } from '../examples/flight-network/ontology.ts';
import powerGrid from '../examples/power-grid/ontology.json' with { type: 'json' };

const root = dirname(import.meta.dirname);
/** What ships. The demo, the benchmarks, tests and documents may name an example. */
const product = [
  'ontology',
  'policy',
  'workflows',
  'activities',
  'store',
  'audit',
  'events',
  'outbound',
  'api',
  'telemetry',
  'prisma',
  'worker.ts',
  'config.ts',
];

/** Words of an example that mean no domain: the product has its own use for each. */
const general = new Set([
  'address',
  'code',
  'condition',
  'destination',
  'distance',
  'latitude',
  'load',
  'location',
  'longitude',
  'name',
  'number',
  'origin',
  'route',
  'source',
  'state',
  'status',
]);

interface Document {
  interfaces?: Record<string, Typed>;
  objectTypes: Record<string, Typed>;
  linkTypes?: object;
  actionTypes?: object;
}
interface Typed {
  properties: object;
}

function wordsOf({ interfaces = {}, objectTypes, linkTypes = {}, actionTypes = {} }: Document): string[] {
  const types = Object.entries({ ...interfaces, ...objectTypes });
  return [
    ...types.flatMap(([name, { properties }]) => [name, ...Object.keys(properties)]),
    ...Object.keys(linkTypes),
    ...Object.keys(actionTypes),
  ];
}

/** Consumers, which have no domain of their own. */
const without = ['event-consumer'];

const examples: Record<string, string[]> = {
  'flight-network': wordsOf(flightNetwork as unknown as Document),
  'power-grid': wordsOf(powerGrid),
};

function filesUnder(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path).flatMap((name) => filesUnder(join(path, name)));
}

const files = product.flatMap((path) => filesUnder(join(root, path))).filter((path) => !path.endsWith('.test.ts'));

it('knows every example', () => {
  expect([...without, ...Object.keys(examples)].sort()).toEqual(readdirSync(join(root, 'examples')).sort());
});

describe.each(Object.entries(examples))('%s', (_, words) => {
  it('is unknown to the product, comments included', () => {
    const telling = [...new Set(words)].filter((word) => !general.has(word));
    const pattern = new RegExp(`\\b(${telling.join('|')})s?\\b`, 'i');
    const found = files.flatMap((path) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .flatMap((line, at) => (pattern.test(line) ? [`${relative(root, path)}:${at + 1}: ${line.trim().slice(0, 160)}`] : [])),
    );
    expect(found).toEqual([]);
  });
});
