/**
 * Writes an expression of RE2 in the syntax of JSON Schema, which is ECMA's with Unicode, where both mean the same. Undefined where ECMA has no such thing (inline
 * flags, `\A`, `[[:alpha:]]`) or this cannot tell: a schema that asks for less is sound, one that asks for something else is not. A client may run it; we never do.
 */
export function ecmaPattern(re2: string): string | undefined {
  let written = '';
  let rest = re2;
  let inClass = false;
  while (rest !== '') {
    const token = takeToken(rest, inClass);
    if (!token) {
      return undefined;
    }
    written += token.written;
    rest = rest.slice(token.length);
    inClass = token.inClass;
  }
  const whole = `^(?:${written})$`;
  return isEcma(whole) ? whole : undefined;
}

interface Token {
  length: number;
  written: string;
  inClass: boolean;
}

/** RE2's `\s`; ECMA's also has the spaces of Unicode. */
const space = '\\t\\n\\f\\r ';
const opening = /^\[\^?/;
const group = /^\((?:\?(?::|P?<[A-Za-z_][A-Za-z0-9_]*>))?/;
const codePoint = /^\\x\{([0-9A-Fa-f]{1,6})\}/;
/** Escapes that mean the same in both, within a class and without. */
const alike = /^\\(?:[dDwWtnfrv]|x[0-9A-Fa-f]{2}|[pP]\{[A-Za-z]+\}|[\^$\\.*+?()[\]{}|/])/;

function takeToken(text: string, inClass: boolean): Token | undefined {
  const as = (length: number, written = text.slice(0, length), within = inClass): Token => ({ length, written, inClass: within });
  switch (text[0]) {
    case '\\':
      return takeEscape(text, inClass);
    case '[': {
      if (inClass) {
        return text[1] === ':' ? undefined : as(1, '\\[');
      }
      const length = opening.exec(text)?.[0].length ?? 1;
      return text[length] === ']' ? undefined : as(length, undefined, true); // A bracket that comes first is a character in RE2, the end in ECMA.
    }
    case ']':
      return as(1, inClass ? ']' : '\\]', false);
    case '.':
      return as(1, inClass ? '.' : '[^\\n]'); // ECMA's leaves out three more ends of lines.
    case '(': {
      const opened = inClass ? '(' : group.exec(text)?.[0];
      const isNamed = opened !== undefined && opened.length > 1;
      return opened === undefined || (!inClass && text[1] === '?' && !isNamed) ? undefined : as(opened.length, opened.replace('?P<', '?<'));
    }
    default:
      return as(1);
  }
}

function takeEscape(text: string, inClass: boolean): Token | undefined {
  const same = alike.exec(text)?.[0];
  if (same !== undefined) {
    return { length: same.length, written: same, inClass };
  }
  const point = codePoint.exec(text);
  if (point) {
    return { length: point[0].length, written: `\\u{${point[1]}}`, inClass };
  }
  const letter = text[1] ?? '';
  if (letter === 's') {
    return { length: 2, written: inClass ? space : `[${space}]`, inClass };
  }
  if (!inClass && /[SbB]/.test(letter)) {
    return { length: 2, written: letter === 'S' ? `[^${space}]` : `\\${letter}`, inClass };
  }
  if (/[!-~]/.test(letter) && !/[A-Za-z0-9]/.test(letter)) {
    return { length: 2, written: inClass && letter === '-' ? '\\-' : letter, inClass };
  }
  return undefined;
}

/** Only read by the engine, never run. */
function isEcma(pattern: string): boolean {
  try {
    new RegExp(pattern, 'u');
    return true;
  } catch {
    return false;
  }
}
