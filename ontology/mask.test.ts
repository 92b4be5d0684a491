import { describe, expect, it } from 'vitest';
import type { OntologyDocument } from './definition.ts';
import { Mask, maskedValue } from './mask.ts';
import { type PastSensitiveField, SensitiveFields } from './sensitive-fields.ts';

const text = { type: 'string' } as const;
const secret = { ...text, sensitive: true } as const;

const document: OntologyDocument = {
  sensitiveReaders: 'of the document',
  objectTypes: {
    person: { properties: { name: text, note: secret, superior: { type: 'reference', to: 'person', sensitive: true } } },
    card: { properties: { number: secret }, sensitiveReaders: 'of the type' },
  },
  actionTypes: { hire: { parameters: { note: secret, name: text }, rules: [], approvalPolicy: 'x', sensitiveReaders: 'of the action' } },
};
const past: PastSensitiveField[] = [
  { owner: 'objectTypes', name: 'person', field: 'name', readers: 'of the past' },
  { owner: 'objectTypes', name: 'person', field: 'gone', readers: 'of the past' },
  { owner: 'objectTypes', name: 'ghost', field: 'note', readers: 'of the past' },
  { owner: 'objectTypes', name: 'spirit', field: 'note', readers: null },
];
const fields = new SensitiveFields(document, past);
const blind = new Mask(fields, () => false);

describe('who may see a field', () => {
  it.each([
    ['everybody where nothing is said', 'person', 'name', null],
    ['the readers of the document', 'person', 'note', 'of the document'],
    ['or those of the type', 'card', 'number', 'of the type'],
    ['the same of a property that was sensitive when it was removed', 'person', 'gone', 'of the document'],
    ['those of then where the type is gone', 'ghost', 'note', 'of the past'],
    ['the role for it where nobody was named then', 'spirit', 'note', "'sensitive-reader' in reader.roles"],
    ['everybody where nothing was ever sensitive', 'person', 'unheard', null],
    ['everybody, of what every object of the language has', 'constructor', 'toString', null],
    ['the same of a type', 'person', 'constructor', null],
  ])('%s', (_, type, property, readers) => {
    expect(fields.readersOf('objectTypes', type, property)).toBe(readers);
  });

  it('is said for parameters apart from properties', () => {
    expect(fields.readersOf('actionTypes', 'hire', 'note')).toBe('of the action');
    expect(fields.readersOf('actionTypes', 'person', 'note')).toBe(null);
    expect(new SensitiveFields(null).readersOf('objectTypes', 'person', 'note')).toBe(null);
  });

  it('is asked of the gate once for each expression', () => {
    const asked: string[] = [];
    const mask = new Mask(fields, (readers) => asked.push(readers) > 0);
    for (const id of ['1', '2', '3']) mask.object({ type: 'person', id, properties: { note: 'x', gone: 1 } });
    expect(asked).toEqual(['of the document']);
  });
});

describe('a mask', () => {
  it('leaves what it was given as it was, for whoever executes it', () => {
    const edit = { op: 'modify', type: 'person', id: '1', before: { note: 'a', name: 'b' }, set: { note: 'c' }, unset: ['gone'] } as const;
    const given = structuredClone(edit);
    expect(blind.edit(edit as never)).toEqual({ ...edit, before: { note: maskedValue, name: 'b' }, set: { note: maskedValue } });
    expect(edit).toEqual(given);
    const link = { op: 'link', link: 'x', from: '1', to: '2' } as const;
    expect(blind.edit(link)).toBe(link);
  });

  it('hides parameters, and leaves those alone that were left out', () => {
    expect(blind.parameters('hire', { note: null, name: 'x' })).toEqual({ note: maskedValue, name: 'x' });
    expect(blind.parameters('hire', null)).toBe(null);
  });

  it('hides what is wrong with a hidden value, and whom a hidden reference names', () => {
    const object = { type: 'person', id: '1' };
    const fault = (property: string) => ({
      code: 'x',
      message: 'telling',
      objects: [
        { ...object, property },
        { type: 'person', id: '2' },
      ],
    });
    expect(blind.fault('hire', fault('note'))).toEqual({
      ...fault('note'),
      message: 'note: sensitive, so what is wrong with it is not shown',
    });
    expect(blind.fault('hire', fault('superior'))).toEqual({
      code: 'x',
      message: 'superior: sensitive, so what is wrong with it is not shown',
    });
    expect(blind.fault('hire', fault('name'))).toEqual(fault('name'));
    const parameter = { code: 'unknown_reference', pointer: '/parameters/note/0', message: 'telling', objects: [object] };
    expect(blind.fault('hire', parameter)).toEqual({
      code: 'unknown_reference',
      pointer: '/parameters/note/0',
      message: 'note: sensitive, so what is wrong with it is not shown',
    });
  });

  it('leaves the words of the definition’s author as they are', () => {
    const fault = { code: 'constraint_failed', pointer: '/parameters/note', message: 'Notes are short.' };
    expect(blind.fault('hire', fault)).toEqual(fault);
  });
});
