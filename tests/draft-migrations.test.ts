import { describe, expect, it } from 'vitest';
import { compileOntology } from '../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { MigrationDefinition } from '../ontology/definition.ts';
import { draftMigrations } from '../ontology/draft-migrations.ts';
import { building } from './store/fixture.ts';

type Building = typeof building;

function compiled(change: (document: Building) => void = () => {}, migrations?: MigrationDefinition[]): CompiledOntology {
  const document = structuredClone(building);
  change(document);
  const outcome = compileOntology({ ...document, ...(migrations ? { migrations } : {}) });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return outcome.ontology;
}

const current = compiled();
const fill = { objectType: 'room', set: { seats: '4' }, approvalPolicy: 'by-itself' };
const required = (document: Building) => Object.assign(document.objectTypes.room.properties.seats, { required: true });
const drafted = (migrations: MigrationDefinition[], change: (document: Building) => void = required) =>
  draftMigrations(current, compiled(change, migrations), 'somebody');
const faults = (migration: Partial<MigrationDefinition>, change?: (document: Building) => void) => {
  const outcome = drafted([{ ...fill, ...migration }], change);
  return outcome.ok ? '' : outcome.faults.map(({ pointer, message }) => `${pointer}: ${message}`).join('\n');
};

describe('drafting migrations', () => {
  it('leaves them out of the document and of its digest', () => {
    const next = compiled(required, [fill]);
    expect(next.digest).toBe(compiled(required).digest);
    expect(next.document).not.toHaveProperty('migrations');
  });

  it('makes an action type of each, which writes what the rule writes, for the principal alone and within what policy may approve', () => {
    const outcome = drafted([{ ...fill, where: "object.status == 'open'" }]);
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
    expect(outcome.rules).toMatchObject([{ objectType: 'room', actionType: 'migrate-room', batch: 1000 }]);
    const action = outcome.ontology.actionTypes.get('migrate-room');
    expect(action?.surface).toEqual([{ type: 'room', operation: 'modify', properties: ['seats'] }]);
    expect(action?.definition.proposers).toBe('proposer.id == "somebody"');
    const others = [...outcome.ontology.actionTypes.values()].filter(({ name }) => name !== 'migrate-room');
    expect(others.map(({ definitionDigest }) => definitionDigest)).toEqual(
      [...current.actionTypes.values()].map(({ definitionDigest }) => definitionDigest),
    );
  });

  it.each<[string, Partial<MigrationDefinition>, RegExp, ((document: Building) => void)?]>([
    ['an unknown type', { objectType: 'cellar' }, /^\/migrations\/0\/objectType: .* no object type cellar/],
    ['an unknown policy', { approvalPolicy: 'nobody' }, /^\/migrations\/0\/approvalPolicy: .* no approval policy nobody/],
    ['an unknown property', { set: { doors: '1' } }, /^\/migrations\/0\/set\/doors: room has no property doors/],
    ['a value of another type', { set: { seats: "'four'" } }, /^\/migrations\/0\/set\/seats: /],
    ['the key', { set: { code: "'x'" } }, /^\/migrations\/0: code is the key/],
    ['what is required', { unset: ['status'] }, /^\/migrations\/0\/unset\/0: status is required/],
    ['a condition that the database cannot answer', { where: 'object.seats + 1 == 2' }, /^\/migrations\/0\/where: /],
    ['a condition on what is not there', { where: 'object.doors == 2' }, /^\/migrations\/0\/where: /],
    [
      'a property that takes another type',
      { set: { note: "'4'" } },
      /^\/migrations\/0\/set\/note: .*add a new property instead/,
      (document) => {
        Object.assign(document.objectTypes.room.properties, { note: { type: 'integer' } });
        Reflect.deleteProperty(document, 'actionTypes');
      },
    ],
  ])('points at %s', (_, migration, words, change) => {
    expect(faults(migration, change)).toMatch(words);
  });

  it('refuses two rules for one type', () => {
    const outcome = drafted([fill, fill]);
    expect(outcome).toMatchObject({ ok: false, faults: [{ pointer: '/migrations/1/objectType' }] });
  });
});
