import { describe, expect, it } from 'vitest';
import { compileOntology } from './compile-ontology.ts';

const document = {
  interfaces: { Asset: { properties: { label: { type: 'string', required: true, maxLength: 10 }, place: { type: 'geopoint' } } } },
  objectTypes: {
    truck: {
      implements: ['Asset'],
      properties: {
        label: { type: 'string', required: true, maxLength: 10, title: 'Name' },
        place: { type: 'geopoint' },
        axles: { type: 'integer' },
      },
    },
    crane: { implements: ['Asset'], key: 'label', properties: { label: { type: 'string', maxLength: 10 }, place: { type: 'geopoint' } } },
  },
};

function faultsOf(change: (copy: typeof document) => void): string[] {
  const copy = structuredClone(document);
  change(copy);
  const outcome = compileOntology(copy);
  return outcome.ok ? [] : outcome.faults.map((fault) => `${fault.pointer}: ${fault.message}`);
}

describe('an interface', () => {
  it('is implemented by types that have its properties, whatever their titles', () => {
    const outcome = compileOntology(document);
    expect(outcome.ok && outcome.ontology.interfaces.get('Asset')?.implementers).toEqual(['crane', 'truck']);
  });

  it.each<[string, (copy: typeof document) => void, string]>([
    [
      'lack a property',
      (copy) => Reflect.deleteProperty(copy.objectTypes.truck.properties, 'place'),
      '/objectTypes/truck/properties/place: Asset asks for it',
    ],
    [
      'have it with other constraints',
      (copy) => Object.assign(copy.objectTypes.truck.properties.label, { maxLength: 11 }),
      '/objectTypes/truck/properties/label: Asset asks for it with another type or other constraints',
    ],
    [
      'do not require it',
      (copy) => Object.assign(copy.objectTypes.truck.properties.label, { required: false }),
      '/objectTypes/truck/properties/label/required: Asset requires it',
    ],
    [
      'name another',
      (copy) => copy.objectTypes.truck.implements.push('Thing'),
      '/objectTypes/truck/implements/1: there is no interface Thing',
    ],
    ['name it twice', (copy) => copy.objectTypes.truck.implements.push('Asset'), '/objectTypes/truck/implements/1: Asset is named twice'],
    [
      'share its name',
      (copy) => Object.assign(copy.objectTypes, { Asset: { properties: {} } }),
      '/interfaces/Asset: an object or link type has the same name',
    ],
    [
      'leave storage to it',
      (copy) => Object.assign(copy.interfaces.Asset.properties.label, { indexed: true }),
      '/interfaces/Asset/properties/label/indexed: is for the types that implement the interface to say',
    ],
  ])('is refused when types %s', (_, change, fault) => {
    expect(faultsOf(change)).toContain(fault);
  });
});
