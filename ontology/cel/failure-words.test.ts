import { describe, expect, it } from 'vitest';
import { compileExpression, type ExpressionError, type Frame } from './expression.ts';
import { failureWords } from './failure-words.ts';
import { Scope, Vocabulary } from './scope.ts';

const sentinel = 'Zq7-sentinel';
const anything = { type: () => true, words: 'anything' };

/** What is said of an expression that fails over a secret text and a secret number. */
function wordsOf(text: string): string {
  const scope = new Scope(new Vocabulary(new Map()))
    .with('secret', 'string')
    .with('number', 'int')
    .with('listed', 'list<string>')
    .with('nothing', 'dyn');
  const outcome = compileExpression(scope, text, '/x', anything);
  if ('fault' in outcome) throw new Error(outcome.fault.message);
  const frame: Frame = { secret: sentinel, number: 9_223_372_036_854_775_001n, listed: [sentinel], nothing: null };
  try {
    outcome.expression.compute(frame);
  } catch (error) {
    return (error as ExpressionError).message;
  }
  throw new Error(`${text} can be computed`);
}

describe('a computation that fails', () => {
  it.each([
    ['decimal(secret)', 'decimal(): the text is no decimal number of at most 100 characters'],
    ['duration(secret)', 'duration(): the text is no duration'],
    ['timestamp(secret)', 'timestamp() requires a string in ISO 8601 format'],
    ['int(secret)', 'the expression language says: int() type error: cannot convert to int'],
    ['bool(secret)', 'bool(): the text is neither true nor false'],
    ['number + number', 'integer overflow'],
    ['number + nothing', 'the expression language says: no such overload: dyn<int> + dyn<null>, where nothing is absent'],
    ["{'a': 1}[secret]", 'a map has no such key'],
    ['listed[number]', 'an index lies outside its list'],
    ["'text'.matches('(' + secret)", 'matches(): the computed text is no pattern'],
  ])('says why without its values: %s', (text, words) => {
    expect(wordsOf(text)).toBe(words);
    expect(words).not.toContain(sentinel);
  });

  it('says nothing of an error that nobody has thought of', () => {
    expect(failureWords(new Error(sentinel))).toBe('cannot be computed');
    expect(failureWords({ code: 'a_new_code', summary: sentinel })).toBe('cannot be computed');
  });
});
