import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { JsonValue } from './json.ts';

/** RFC 8785: one text for one value, whatever the order of its keys. */
export function canonicalText(value: unknown): string {
  const text = (canonicalize as unknown as (value: unknown) => string | undefined)(value);
  if (text === undefined) {
    throw new Error('undefined has no canonical text');
  }
  return text;
}

export function sha256Hex(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function digestOf(value: JsonValue | object): string {
  return `sha256:${sha256Hex(canonicalText(value))}`;
}
