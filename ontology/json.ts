/** JSON as the product stores it: what RFC 8785 can write and PostgreSQL's jsonb can hold. */
export type JsonScalar = string | number | boolean | null;
export type JsonValue = JsonScalar | JsonValue[] | { [name: string]: JsonValue };
export type JsonObject = { [name: string]: JsonValue };

/** A character PostgreSQL cannot store, or half of a surrogate pair, which UTF-8 cannot carry. Refused at every entrance. */
export function isStorableText(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

/** Orders text as PostgreSQL's collation "C" does: by UTF-8 bytes. UTF-16 order differs only where surrogates meet U+E000 to U+FFFF. */
export function compareText(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  for (let at = 0; at < shorter; at++) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a !== b) {
      return weight(a) - weight(b);
    }
  }
  return left.length - right.length;
}

/** Moves surrogates above the rest of the basic plane, which makes UTF-16 units sort like code points, and so like UTF-8 bytes. */
function weight(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Appends one step to an RFC 6901 pointer. */
export function pointerTo(base: string, ...steps: readonly (string | number)[]): string {
  return steps.reduce<string>((at, step) => `${at}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`, base);
}
