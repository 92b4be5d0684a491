// No expression stalls or fills the memory, whatever an author wrote and somebody put in.
import { describe, expect, it } from 'vitest';
import { Budget } from '../../ontology/cel/budget.ts';
import { budgetOf, compileExpression, ExpressionError, type Frame } from '../../ontology/cel/expression.ts';
import { Scope, Vocabulary } from '../../ontology/cel/scope.ts';

const scope = new Scope(new Vocabulary(new Map()))
  .with('xs', 'list<int>')
  .with('texts', 'list<string>')
  .with('s', 'string')
  .with('n', 'int')
  .with('d', 'decimal')
  .with('m', 'map<string, int>');
const anything = { type: () => true, words: 'anything' };

function compile(text: string) {
  const outcome = compileExpression(scope, text, '/x', anything);
  if ('fault' in outcome) throw new Error(outcome.fault.message);
  return outcome.expression;
}

const frameOf = (length: number): Frame => ({
  xs: Array.from({ length }, (_, at) => BigInt(at)),
  texts: Array.from({ length }, () => 'x'.repeat(1_000)),
  s: 'x'.repeat(length * 10),
  n: 3n,
  d: compile("decimal('1.1')").compute({}),
  m: Object.fromEntries(Array.from({ length }, (_, at) => [`k${at}`, BigInt(at)])),
});
const large = frameOf(100_000);

/** Binds a value to itself twice, over and over: what doubles so often fills any memory. */
function doubling(start: string, operator: string): string {
  const times = 28;
  const bind = (_: unknown, at: number) => {
    const last = at === 0 ? start : `v${at - 1}`;
    return `cel.bind(v${at}, ${last} ${operator} ${last}, `;
  };
  return `${Array.from({ length: times }, bind).join('')}v${times - 1}${')'.repeat(times)}`;
}

describe('an expression that costs too much', () => {
  it.each([
    ['loops in loops', 'xs.map(a, xs.map(b, xs.map(c, a + b + c)))'],
    ['loops in quantifiers, which go on after an error', 'xs.all(a, xs.all(b, xs.all(c, xs.all(e, a + b + c + e >= 0))))'],
    ['loops in quantifiers that find nothing', 'xs.exists(a, xs.exists(b, xs.exists_one(c, a + b + c == -1)))'],
    ['loops over what loops made', 'xs.map(a, xs).map(ys, ys.map(y, y + 1))'],
    ['what takes the refusal for an error and goes on', 'xs.all(a, xs.all(b, xs.all(c, c >= 0))) || true'],
    ['searches in a loop', 'xs.filter(a, a in xs)'],
    ['searches of keys in a loop', 'texts.filter(a, m.exists(k, k == a))'],
    ['patterns in a loop', "texts.filter(a, s.matches('(x+x+)+y'))"],
    ['a text that doubles', doubling('s', '+')],
    ['a list that doubles', doubling('xs', '+')],
    ['a decimal that doubles', `string(${doubling('d', '*')})`],
    ['texts joined', 'xs.map(x, texts.join()).join()'],
    ['a text taken apart and joined', "s.split('').map(x, s).join()"],
  ])('ends within a moment, with words and without filling the memory: %s', (_, text) => {
    const { compute } = compile(text);
    const before = process.memoryUsage().rss;
    const began = process.cpuUsage();
    expect(() => compute(large)).toThrow(ExpressionError);
    expect(process.cpuUsage(began).user / 1_000).toBeLessThan(3_000); // Of the processor, ms, whatever else the machine does.
    expect(process.memoryUsage().rss - before).toBeLessThan(600e6);
  });

  it('is told from one that is merely long', () => {
    expect(compile('xs.map(a, a * 2).filter(a, a > 10).size()').compute(large)).toBe(99_994n);
    expect(compile("texts.exists(t, t.matches('y'))").compute(frameOf(10_000))).toBe(false);
    expect(compile('n in xs && s.size() == 1000000').compute(large)).toBe(true);
    expect(compile(`${Array.from({ length: 400 }, () => 'n').join('+')}`).compute(large)).toBe(1_200n);
  });

  it('is met by all expressions of one evaluation together', () => {
    const shared = Object.assign(Object.create(large) as Frame, { [budgetOf]: new Budget() });
    const { compute } = compile('xs.all(a, a >= 0)');
    const until = () => {
      for (let times = 0; times < 10_000; times++) compute(shared);
    };
    const began = process.cpuUsage();
    expect(until).toThrow('costs too much to compute');
    expect(process.cpuUsage(began).user / 1_000).toBeLessThan(20_000);
  });
});
