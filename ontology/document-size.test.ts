import { describe, expect, it } from 'vitest';
import { compileOntology } from './compile-ontology.ts';
import type { JsonObject } from './json.ts';

const many = (most: number, name: string, one: (at: number) => JsonObject): JsonObject =>
  Object.fromEntries(Array.from({ length: most }, (_, at) => [`${name}${at}`, one(at)]));
const approvalPolicies = {
  one: { stages: [{ name: 'any', thresholds: [{ needed: 1, reviewers: 'true' }] }], expiresAfter: 'PT1H' },
};
const none = { objectTypes: {}, linkTypes: {}, actionTypes: {}, approvalPolicies };
const empty = () => ({ properties: {} });
const ofProperties = (properties: JsonObject) => ({ ...none, objectTypes: { thing: { properties } } });

/** Each type's objects take the next type's along, around a ring, and each type can be deleted: every action touches all types. */
function ring(size: number): JsonObject {
  const after = (at: number) => `t${(at + 1) % size}`;
  return {
    objectTypes: many(size, 't', (at) => ({ properties: { up: { type: 'reference', to: `t${(at + size - 1) % size}` } } })),
    linkTypes: many(size, 'l', (at) => ({ from: `t${at}`, to: after(at), cardinality: 'one-to-many', via: 'up', onDelete: 'delete' })),
    actionTypes: many(size, 'd', (at) => ({
      parameters: { gone: { type: 'reference', to: `t${at}`, required: true } },
      rules: [{ rule: 'delete', type: `t${at}`, object: 'gone' }],
      approvalPolicy: 'one',
    })),
    approvalPolicies,
  };
}

describe('a document that would keep the process from everything else', () => {
  it.each<[string, JsonObject, string]>([
    ['more types than anybody keeps apart', { ...none, objectTypes: many(2_001, 't', empty) }, '/objectTypes'],
    ['a type of thousands of properties', ofProperties(many(1_001, 'p', () => ({ type: 'integer' }))), '/objectTypes/thing/properties'],
    [
      'thousands of structs over all types',
      {
        ...none,
        objectTypes: many(3, 't', () => ({
          properties: many(700, 'p', (at) => ({ type: 'struct', properties: { [`f${at}`]: { type: 'integer' } } })),
        })),
      },
      '',
    ],
    ['actions each of which touches all types', ring(800), '/actionTypes/d133'],
  ])('is refused and says where: %s', (_, document, pointer) => {
    expect(compileOntology(document)).toMatchObject({ ok: false, faults: [{ code: 'invalid_ontology', pointer }] });
  });
});

it('a document as large as is allowed is taken', () => {
  expect(compileOntology({ ...none, objectTypes: many(2_000, 't', empty) })).toMatchObject({ ok: true });
  expect(compileOntology(ofProperties(many(1_000, 'p', () => ({ type: 'integer' }))))).toMatchObject({ ok: true });
  expect(compileOntology(ring(100))).toMatchObject({ ok: true });
});
