/** A condition in the text of a function, one of several that must all hold, or the only one of a WHERE or an ON; or one of those before a RETURN, of which each suffices. */
export interface SqlCondition {
  from: number;
  to: number;
  /** `ends`: what is left where it holds. */
  kind: 'where' | 'on' | 'and' | 'ends';
}

interface Segment {
  /** The word that it follows. */
  after: string;
  from: number;
  /** Where each AND and each OR of it stands. */
  breaks: { from: number; to: number; word: 'AND' | 'OR' }[];
  between: boolean;
}

const tokens = new RegExp(
  [
    `'(?:[^']|'')*'`,
    '"[^"]*"',
    String.raw`--[^\n]*`,
    String.raw`\$\w*\$`,
    'IS (?:NOT )?DISTINCT FROM',
    String.raw`DISTINCT ON\b`,
    String.raw`(?:LEFT|RIGHT|FULL|INNER|CROSS)(?: OUTER)? JOIN\b`,
    '[()[\\],;]|:=',
    String.raw`(?:GROUP|ORDER)\s+BY\b`,
    String.raw`\b(?:CASE|END|AND|OR|BETWEEN|WHERE|ON|HAVING|LIMIT|OFFSET|FOR|RETURNING|UNION|EXCEPT|INTERSECT|LOOP|THEN|INTO|SELECT|FROM|JOIN|WHEN|ELSE|IF|ELSIF|RETURN|SET|VALUES|WINDOW|AS|USING|DO|BEGIN)\b`,
  ].join('|'),
  'g',
);
const passed = /^(?:['"]|--|IS |DISTINCT )/;

/** Found by their words, not by a grammar: brackets and CASEs are followed, texts and comments passed over, and every other clause begins a new stretch. */
export function sqlConditions(text: string): SqlCondition[] {
  const found: SqlCondition[] = [];
  const segment = (after: string, from: number): Segment => ({ after, from, breaks: [], between: false });
  const stack: { closedBy: string; open: Segment }[] = [{ closedBy: '', open: segment('', 0) }];
  const top = () => stack[stack.length - 1] as (typeof stack)[number];
  for (const { 0: word, index } of text.matchAll(tokens)) {
    if (passed.test(word)) continue;
    const here = top();
    const end = index + word.length;
    if ('(['.includes(word)) stack.push({ closedBy: word === '(' ? ')' : ']', open: segment('(', end) });
    else if (word === 'CASE') stack.push({ closedBy: 'END', open: segment('CASE', end) });
    else if (word === here.closedBy) {
      found.push(...conditionsOf(here.open, index, word, text));
      stack.pop();
    } else if (word === 'BETWEEN') here.open.between = true;
    else if (word === 'AND' && here.open.between) here.open.between = false;
    else if (word === 'AND' || word === 'OR') here.open.breaks.push({ from: index, to: end, word });
    else {
      found.push(...conditionsOf(here.open, index, word, text));
      here.open = segment(word, end);
    }
  }
  return found.sort((a, b) => a.from - b.from || b.to - a.to);
}

function conditionsOf({ after, from, breaks }: Segment, to: number, endedBy: string, text: string): SqlCondition[] {
  const isIf = after === 'IF' || after === 'ELSIF';
  if (isIf && endedBy === 'THEN') {
    const then = /^\s*(RAISE|RETURN)\b/.exec(text.slice(to + endedBy.length))?.[1];
    return then === 'RETURN' ? splitAt('OR', from, to, breaks).map((part) => ({ ...part, kind: 'ends' as const })) : [];
  }
  return splitAt('OR', from, to, breaks).flatMap((part, _, alternatives) => {
    const inPart = breaks.filter((one) => one.from >= part.from && one.to <= part.to);
    const parts = splitAt('AND', part.from, part.to, inPart);
    const isClause = (after === 'WHERE' || after === 'ON') && alternatives.length === 1;
    if (parts.length < 2 && !isClause) return [];
    return parts.map((one) => ({ ...one, kind: isClause ? (after.toLowerCase() as 'where' | 'on') : ('and' as const) }));
  });
}

function splitAt(word: 'AND' | 'OR', from: number, to: number, breaks: Segment['breaks']): { from: number; to: number }[] {
  const parts: { from: number; to: number }[] = [];
  let begin = from;
  for (const one of breaks) {
    if (one.word !== word) continue;
    parts.push({ from: begin, to: one.from });
    begin = one.to;
  }
  return [...parts, { from: begin, to }];
}
