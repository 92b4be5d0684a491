import { describe, expect, it } from 'vitest';
import { compilePattern } from './compile-pattern.ts';
import { ecmaPattern } from './ecma-pattern.ts';
import { normaliseValue } from './value.ts';

function isValue(pattern: string, text: string): boolean {
  return 'value' in normaliseValue({ type: 'string', pattern }, text);
}

describe('a pattern', () => {
  it('answers at once where a backtracking engine would take years', () => {
    const start = performance.now();
    expect(isValue('(a+)+$', `${'a'.repeat(40)}!`)).toBe(false);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('is not asked of a text so long that even linear time would hold the thread', () => {
    expect(isValue('a*', 'a'.repeat(100_000))).toBe(true);
    expect(normaliseValue({ type: 'string', pattern: 'a*' }, 'a'.repeat(100_001))).toEqual({
      refused: expect.stringContaining('at most 100000 characters'),
    });
  });

  it.each([
    ['a', 'a', true],
    ['a', 'ba', false],
    ['a', 'a\n', false],
    ['a$', 'a\n', false],
    ['a|ab', 'ab', true],
    ['(?:)|a|ab', 'ab', true],
    ['a*?', 'aaa', true],
    ['(?m)^a$', 'a\nb', false],
    ['.', '😀', true],
    ['\\p{Lu}', 'Ä', true],
    ['', '', true],
    ['', 'a', false],
  ])('%j is asked of the whole of %j', (pattern, text, expected) => {
    expect(isValue(pattern, text)).toBe(expected);
  });

  it.each([
    ['(?=a)', /no look-around and no back-references: RE2 says: invalid or unsupported Perl syntax \(\?=/],
    ['(?<=a)b', /no look-around/],
    ['(a)\\1', /invalid escape sequence \\1/],
    ['a)|(b', /unexpected \)/],
    ['a{1001}', /invalid repeat count \{1001\}/],
    ['(?:a?){1000}', /too large/],
    ['a'.repeat(1001), /more than 1000 characters/],
  ])('%.20s is refused with the reason', (pattern, expected) => {
    expect(compilePattern(pattern)).toEqual({ refused: expect.stringMatching(expected) });
  });
});

describe('a pattern in JSON Schema', () => {
  it.each([
    ['[A-Z]{2}-[0-9]{4}', '^(?:[A-Z]{2}-[0-9]{4})$'],
    ['(?P<a>\\w+)\\x{e4}\\-\\/', '^(?:(?<a>\\w+)\\u{e4}-\\/)$'],
    ['.\\s\\S[\\s\\-.]', '^(?:[^\\n][\\t\\n\\f\\r ][^\\t\\n\\f\\r ][\\t\\n\\f\\r \\-.])$'],
    ['(?i)a', undefined],
    ['\\Aa', undefined],
    ['[]a]', undefined],
    ['[[:alpha:]]', undefined],
    ['\\p{Greek}', undefined],
  ])('%s', (pattern, expected) => {
    expect(ecmaPattern(pattern)).toBe(expected);
  });

  it('means the same as the one that is executed', () => {
    const texts = ['a', 'A', '\r', '\n', '\u2028', '\u00a0', ' ', 'ä', '-', '.', '[', '😀', '0', '_', '/', '\\', 'ab', 'a-b'];
    const patterns = [
      '.',
      '\\s',
      '\\S',
      '[^a]',
      '[a-]',
      '[-a]',
      '[\\s.]',
      '[\\-\\\\]',
      '\\w',
      '\\W',
      '\\d|\\D',
      '[[]',
      '\\p{L}',
      '\\PL',
      'a\\b.*',
      '[(?:]',
    ];
    for (const pattern of patterns) {
      const ecma = ecmaPattern(pattern);
      if (ecma !== undefined) {
        expect(texts.filter((text) => new RegExp(ecma, 'u').test(text))).toEqual(texts.filter((text) => isValue(pattern, text)));
      }
    }
    expect(patterns.filter((pattern) => ecmaPattern(pattern) === undefined)).toEqual(['\\PL']);
  });
});
