import { canonicalText, sha256Hex } from '../ontology/canonical-json.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';

const mostBytes = 16_384; // An entry has 65,447, of which other facts take some thousand.
const shown = 20;

/**
 * A fact of which an entry may have no room for all: as it is while its RFC 8785 text is short; else how many there are (`<name>Count`), the first twenty (`<name>First`)
 * and `sha256:` with the hex of SHA-256 over the text of all (`<name>Digest`), to which whoever has it elsewhere can compare it.
 */
export function fitFact(name: string, value: Readonly<Record<string, JsonValue>> | readonly JsonValue[]): JsonObject {
  const whole = value as JsonValue;
  const text = canonicalText(whole);
  if (Buffer.byteLength(text) <= mostBytes) return { [name]: whole };
  const [count, first] = Array.isArray(value)
    ? [value.length, value.slice(0, shown)]
    : [Object.keys(value).length, Object.fromEntries(Object.entries(value).sort(byName).slice(0, shown))];
  return {
    [`${name}Count`]: count,
    [`${name}First`]: first,
    [`${name}Digest`]: `sha256:${sha256Hex(text)}`,
  };
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}
