import { z } from 'zod';
import { text } from './text-schema.ts';

/** AIP-158: more than the largest page is capped, not refused; a token goes with the query that gave it. */
export const pageQuery = {
  pageSize: z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .exactOptional()
    .meta({ description: 'How many at most; 50 unless told, and never more than 1,000.', type: 'integer', minimum: 0 }),
  pageToken: text(4_000).exactOptional().describe('`nextPageToken` of the page before, with the same query.'),
};

export const nextPageToken = z.string().nullable().describe('Null on the last page.');
