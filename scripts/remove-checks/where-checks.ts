import { type Removal, shorten } from './removal.ts';

/** A function of the database, with the text that makes it. */
export interface DoorFunction {
  name: string;
  text: string;
}

/** The conditions in the WHEREs of the refusing functions, and of all that they call as far as it is about who may do what. */
export function whereChecks(refusing: readonly DoorFunction[], all: readonly DoorFunction[]): Removal[] {
  return askedBy(refusing, all).flatMap((one) => checksOf(one, hintsOf(one, all)));
}

/**
 * What reads objects, and what applies edits to them, is compared with simple implementations by tests of its own: whether a plan is fresh, or leaves a reference dangling,
 * is one check here and not fifty.
 */
const comparedElsewhere =
  /^(stale_reads|lock_types|apply_\w+|keep_\w+|check_references|check_unique|undo_\w+|inverse_edits|without_conflicts|\w*index\w*|query_\w+|list_\w+|foresee_\w+|touches_selected|restore_only|stored_whole)$/;

function askedBy(refusing: readonly DoorFunction[], all: readonly DoorFunction[]): DoorFunction[] {
  const found = new Set(refusing.filter(({ name }) => !comparedElsewhere.test(name)));
  for (const { text } of found) {
    for (const called of all) {
      if (!comparedElsewhere.test(called.name) && new RegExp(`\\b${called.name}\\(`).test(text)) found.add(called);
    }
  }
  return [...found].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Says which row is meant, and not whether it may: of tenants, row-level security says the same. */
const names = /^\w+\.(tenant_id|id|\w+_id|name|type|link|property|run|ordinal|scope|key|number) = /;

/** Tests name the code that comes of it, of the function or of those that ask it, and seldom the function itself. */
function hintsOf({ name, text }: DoorFunction, all: readonly DoorFunction[]): string[] {
  const asking = all.filter((other) => new RegExp(`\\b${name}\\(`).test(other.text));
  const codes = [text, ...asking.map((other) => other.text)].flatMap((one) => [...one.matchAll(/XQ\d+/g)].map(([code]) => code));
  return [name, ...new Set(codes)];
}

function checksOf({ name, text }: DoorFunction, hints: readonly string[]): Removal[] {
  return [...text.matchAll(/\bWHERE\s/g)].flatMap(({ index, 0: word }) => {
    const from = index + word.length;
    return conjuncts(text.slice(from), from)
      .map((one) => ({ ...one, words: text.slice(one.from, one.to).trim() }))
      .filter(({ words }) => !names.test(words))
      .map(({ words, ...one }) => ({
        lane: 'door' as const,
        where: `${name}()`,
        check: `where ${shorten(words)}`,
        without: `${text.slice(0, one.from)} true ${text.slice(one.to)}`,
        hints,
      }));
  });
}

/** What stands between the ANDs of a clause up to its end, in no bracket, no text and no CASE. The AND of a BETWEEN is none. */
function conjuncts(text: string, offset: number): { from: number; to: number }[] {
  const parts: { from: number; to: number }[] = [];
  let depth = 0;
  let from = 0;
  let between = false;
  const tokens =
    /'(?:[^']|'')*'|--[^\n]*|[()[\];]|\b(?:CASE|END|AND|BETWEEN|GROUP|ORDER|LIMIT|OFFSET|FOR|RETURNING|UNION|HAVING|LOOP|THEN|ON|INTO|EXCEPT)\b|\$function\$/g;
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (token.startsWith("'") || token.startsWith('--')) continue;
    if ('([CASE'.includes(token)) depth += 1;
    else if (depth > 0) depth -= ')]END'.includes(token) ? 1 : 0;
    else if (token === 'BETWEEN') between = true;
    else if (token === 'AND' && between) between = false;
    else {
      parts.push({ from: offset + from, to: offset + index });
      if (token !== 'AND') return parts;
      from = index + token.length;
    }
  }
  return parts;
}
