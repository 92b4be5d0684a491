import { isStorableText, type JsonValue, pointerTo } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';

/**
 * JSON as this product accepts it: RFC 8259 narrowed to what has one meaning everywhere (I-JSON) and what PostgreSQL can store. A name given twice, a number beyond
 * a double, half a surrogate pair, U+0000 and `__proto__` are faults with a pointer, never silently repaired.
 */
export type JsonOutcome = { ok: true; value: JsonValue } | { ok: false; faults: Fault[] };

const maxDepth = 64; // Deeper than any definition; recursion over the body is then bounded for everything behind this door.
const maxFaults = 50;

export function readJson(bytes: Uint8Array): JsonOutcome {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('', 'is not UTF-8');
  }
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return refuse('', 'is not JSON');
  }
  const faults = new Inspection(text).faults();
  return faults.length === 0 ? { ok: true, value } : { ok: false, faults };
}

function refuse(pointer: string, message: string): JsonOutcome {
  return { ok: false, faults: [{ code: 'malformed_request', pointer, message }] };
}

interface Container {
  pointer: string;
  /** Names seen so far; null in a list. */
  names: Set<string> | null;
  /** The member being read. */
  at: string | number;
}

/** One pass over text that is known to be JSON: it has no syntax to check, so it follows brackets, strings and numbers alone. */
class Inspection {
  private readonly text: string;
  private readonly found: Fault[] = [];
  private readonly open: Container[] = [];
  private position = 0;

  constructor(text: string) {
    this.text = text;
  }

  faults(): Fault[] {
    while (this.position < this.text.length && this.found.length < maxFaults) {
      const character = this.text[this.position] as string;
      if (character === '"') this.readString();
      else if (character === '{' || character === '[') {
        if (!this.enter(character)) return this.found;
      } else if (character === '}' || character === ']') {
        this.open.pop();
        this.position++;
      } else if (character === ',') {
        this.nextMember();
      } else if (character === '-' || (character >= '0' && character <= '9')) this.readNumber();
      else this.position++;
    }
    return this.found;
  }

  private enter(bracket: string): boolean {
    if (this.open.length === maxDepth) {
      this.fault(`must not nest deeper than ${maxDepth} levels`);
      return false;
    }
    const pointer = this.pointer();
    this.open.push(bracket === '{' ? { pointer, names: new Set(), at: '' } : { pointer, names: null, at: 0 });
    this.position++;
    return true;
  }

  private nextMember(): void {
    const container = this.open.at(-1);
    if (container !== undefined && typeof container.at === 'number') container.at++;
    this.position++;
  }

  private readString(): void {
    const start = this.position;
    let end = this.text.indexOf('"', start + 1);
    // A quote is the end unless an odd number of backslashes stands before it.
    while (backslashesBefore(this.text, end) % 2 === 1) end = this.text.indexOf('"', end + 1);
    const raw = this.text.slice(start + 1, end);
    const escaped = raw.includes('\\');
    const content = escaped ? (JSON.parse(`"${raw}"`) as string) : raw;
    this.position = end + 1;
    const container = this.open.at(-1);
    if (container?.names != null && this.isNameHere()) this.takeName(container, container.names, content);
    else if (!isStorableText(content)) this.fault('must not contain U+0000 or half of a surrogate pair');
  }

  /** In an object a string that a colon follows is a name: JSON has no other place for a colon. */
  private isNameHere(): boolean {
    let at = this.position;
    while (' \t\n\r'.includes(this.text[at] as string)) at++;
    return this.text[at] === ':';
  }

  private takeName(container: Container, names: Set<string>, name: string): void {
    container.at = name;
    if (!isStorableText(name)) this.fault('must not contain U+0000 or half of a surrogate pair in a name');
    else if (name === '__proto__') this.fault('is not known here', 'unknown_field');
    else if (names.has(name)) this.fault('is given twice');
    names.add(name);
  }

  private readNumber(): void {
    const start = this.position;
    while (this.position < this.text.length && '+-.eE0123456789'.includes(this.text[this.position] as string)) this.position++;
    const text = this.text.slice(start, this.position);
    const number = Number(text);
    if (!Number.isFinite(number)) this.fault('is a number beyond what a double can hold');
    else if (Number.isSafeInteger(number) && !isWhole(text)) this.fault('would become a whole number, since a double holds no more digits');
  }

  private pointer(): string {
    const container = this.open.at(-1);
    return container === undefined ? '' : pointerTo(container.pointer, container.at);
  }

  private fault(message: string, code = 'malformed_request'): void {
    this.found.push({ code, pointer: this.pointer(), message });
  }
}

function backslashesBefore(text: string, end: number): number {
  let count = 0;
  while (text[end - 1 - count] === '\\') count++;
  return count;
}

/** Whether a number that JSON can hold is a whole one as it is written, before it is rounded to a double. */
function isWhole(text: string): boolean {
  const [mantissa = '', exponent = '0'] = text.split(/[eE]/);
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = whole + fraction;
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--; // A pattern for zeros at the end would be quadratic.
  return end === 0 || whole.length + Number(exponent) >= end;
}
