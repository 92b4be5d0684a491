import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStorableText } from '../ontology/json.ts';
import { readJson } from './read-json.ts';

const read = (text: string) => readJson(new TextEncoder().encode(text));
const storable = fc.string({ unit: 'grapheme' }).filter(isStorableText);
const json = fc
  .json({ stringUnit: 'grapheme', maxDepth: 5 })
  .filter((text) => isStorableText(text) && !text.includes('\\u0000') && !text.includes('__proto__'));

describe('readJson', () => {
  it('reads what JSON.parse reads, where nothing is wrong with it', () => {
    fc.assert(
      fc.property(json, (text) => {
        expect(read(text)).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });

  it('finds a name given twice wherever it stands', () => {
    fc.assert(
      fc.property(storable, json, json, fc.nat(3), (name, first, second, depth) => {
        if (name === '__proto__') return;
        const key = JSON.stringify(name);
        const twice = `${'[0,{"x":'.repeat(depth)}{${key}:${first}, ${key} :${second}}${'}]'.repeat(depth)}`;
        const pointer = `${'/1/x'.repeat(depth)}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
        expect(read(twice)).toEqual({ ok: false, faults: [{ code: 'malformed_request', pointer, message: 'is given twice' }] });
      }),
    );
  });

  it('sees through escapes: a name is what it means, not how it is written', () => {
    expect(read('{"a":1,"\\u0061":2}')).toMatchObject({ ok: false, faults: [{ pointer: '/a', message: 'is given twice' }] });
    expect(read('{"\\u005f_proto__":{}}')).toMatchObject({ ok: false, faults: [{ code: 'unknown_field' }] });
    expect(read('{"a\\\\":1,"a\\"":2,"a":"\\\\"}')).toMatchObject({ ok: true });
    expect(read('{"a":{"b":1},"c":{"b":1},"d":[{"b":1},{"b":1}]}')).toMatchObject({ ok: true });
  });

  it('points at every place that is wrong', () => {
    expect(read('{"a":["x","\\ud800"],"b":-1e999,"c":{"d":"\\u0000"}}')).toMatchObject({
      ok: false,
      faults: [{ pointer: '/a/1' }, { pointer: '/b' }, { pointer: '/c/d' }],
    });
  });

  it('refuses a number that rounding would make whole, and no other that a double holds', () => {
    for (const text of ['4.99999999999999999999', '9007199254740990.6', '1e-400', '-0.1e-999', '1.00000000000000000001e3']) {
      expect(read(text), text).toMatchObject({ ok: false, faults: [{ code: 'malformed_request' }] });
    }
    for (const text of [
      '0',
      '-0',
      '0.0',
      '0e5',
      '0e-5',
      '1.50',
      '5.00',
      '1e2',
      '1.5e1',
      '100e-2',
      '0.1',
      '5e-324',
      '1e308',
      '123456789012345680000',
    ]) {
      expect(read(text), text).toMatchObject({ ok: true });
    }
  });

  it('is not slow for what is meant to be', () => {
    const hostile = [
      `${'"'.padEnd(2_000_000, '\\\\')}"`,
      `[${'"\\"",'.repeat(400_000)}0]`,
      `${'0.'.padEnd(2_000_000, '0')}1`,
      `{${Array.from({ length: 200_000 }, (_, at) => `"k${at}":1`).join(',')}}`,
    ];
    for (const text of hostile) {
      const startedAt = process.cpuUsage();
      read(text);
      expect(process.cpuUsage(startedAt).user / 1_000_000).toBeLessThan(20); // Of the processor, seconds. Quadratic work would take minutes.
    }
  });
});
