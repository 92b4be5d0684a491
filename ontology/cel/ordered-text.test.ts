import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareText } from '../json.ts';
import { orderedText } from './ordered-text.ts';

it('sorts texts as their code points do', () => {
  const unit = fc.constantFrom('a', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{1f600}', '\u{10ffff}');
  const text = fc.array(unit, { maxLength: 4 }).map((all) => all.join(''));
  fc.assert(
    fc.property(text, text, (left, right) => {
      const [a, b] = [orderedText(left) as string, orderedText(right) as string];
      expect(Math.sign(compareText(left, right))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});
