import { z } from 'zod';
import { isStorableText, type JsonValue } from '../../ontology/json.ts';

/** Text from a client. Every string that reaches the store comes through here or through the body reader, which both refuse what PostgreSQL cannot store. */
export const text = (max: number) =>
  z.string().min(1).max(max).refine(isStorableText, 'must not contain U+0000 or half of a surrogate pair');

/** A name out of the ontology, or what may be one. */
export const nameText = text(200);

/** An object's id; keys of real data are short. */
export const idText = text(200);

export const uuid = z.guid().toLowerCase();

export const time = z.iso.datetime().describe('UTC, ISO 8601');

/** A time from a client. */
export const instant = z.iso
  .datetime({ offset: true, error: 'must be a time of RFC 3339 with an offset or Z, such as 2026-01-31T09:00:00+01:00' })
  .describe('RFC 3339, with an offset or Z');

export const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be `sha256:` and 64 hexadecimal digits in lower case');

/** Any JSON. The body reader has bounded its depth. */
export const json = z.custom<JsonValue>((value) => value !== undefined);
