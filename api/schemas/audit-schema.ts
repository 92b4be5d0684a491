import { z } from 'zod';
import { readTilePath } from '../../audit/tile-path.ts';
import { component } from './components.ts';
import { nextPageToken, pageQuery } from './page-schema.ts';
import { uuid } from './text-schema.ts';

const count = z.coerce.number().int().max(Number.MAX_SAFE_INTEGER);
const index = count.min(1);

export const exportQuery = z
  .strictObject({
    from: index.exactOptional().describe('The first entry; 1 by default.'),
    to: index.exactOptional().describe('At least up to this entry; the end is where a checkpoint was signed.'),
    after: count
      .min(0)
      .exactOptional()
      .describe('The last entry of an export that broke off, whose `to` is given as well: what is answered is to be appended to it.'),
  })
  .refine(({ from, to, after }) => after === undefined || (from === undefined && to !== undefined && after <= to), {
    error: 'must go with `to`, be no more than it, and be without `from`',
    path: ['after'],
  });

export const entriesQuery = z.strictObject({ from: index.exactOptional().describe('The first entry; 1 by default.'), ...pageQuery });

export const proofQuery = z
  .strictObject({
    entry: index.exactOptional().describe('The number of an entry.'),
    oldSize: index.exactOptional().describe('Of a tree that was signed before.'),
    size: index.exactOptional().describe('Of the tree that it is about; that of the last checkpoint unless told.'),
  })
  .refine(({ entry, oldSize }) => (entry === undefined) !== (oldSize === undefined), {
    error: 'one of `entry` and `oldSize` is to be given',
    path: ['entry'],
  })
  .refine(({ entry, oldSize, size = Number.MAX_SAFE_INTEGER }) => (entry ?? oldSize ?? 0) <= size, {
    error: 'must not be less than what is to be in it',
    path: ['size'],
  });

const signed = {
  size: z.int(),
  note: z.string().describe('A signed note as C2SP’s tlog-checkpoint has it, with the cosignatures so far.'),
};

export const checkpointSchema = component(
  'Checkpoint',
  z.strictObject({ ...signed, witnessed: z.strictObject(signed).nullable().describe('The last that witnesses cosigned.') }),
  'What was signed of the log: how many entries it has, and the root of the tree over them.',
);

export const tileParams = z.strictObject({
  level: z
    .string()
    .regex(/^(entries|[0-9]|[1-5][0-9]|6[0-3])$/, 'must be `entries` or a level from 0 to 63')
    .describe('0 for the hashes of entries, n + 1 for the roots of full tiles of level n; or `entries` for the entries themselves.'),
  tile: z
    .string()
    .max(40)
    .refine((path) => readTilePath(path) !== null, 'must be the number of a tile as tlog-tiles writes it')
    .describe('As `067` or `x001/x234/067`, and with `.p/<width>` behind it the beginning of one that is not full.'),
});

const entry = z.strictObject({
  seq: z.int(),
  at: z.string().describe('Microseconds since 1970.'),
  previousHash: z.string(),
  payload: z.string().nullable().describe('RFC 8785 text; null of an entry that somebody made into what is no text.'),
  disclosures: z.array(z.strictObject({ name: z.string(), salt: z.string(), value: z.string() })),
});

const provenEntry = z.strictObject({ ...entry.shape, proof: z.array(z.string()).describe('Hashes in hex, from the leaf upwards.') });

export const auditEntryPageSchema = component('AuditEntryPage', z.strictObject({ entries: z.array(entry), nextPageToken }));

export const auditProofSchema = component(
  'AuditProof',
  z.strictObject({
    size: z.int(),
    checkpoint: z.string().nullable().describe('Over just so many entries; null where none was signed, or it has been forgotten.'),
    proof: z
      .array(z.string())
      .describe('Hashes in hex: of an entry as in evidence, of an older tree as RFC 9162, 2.1.4, has them; none where both are one.'),
  }),
);

export const evidenceSchema = component(
  'Evidence',
  z.strictObject({
    exequatur: z.literal('evidence'),
    format: z.literal(1),
    tenant: uuid,
    proposalId: uuid,
    checkpoint: z.string(),
    entries: z.array(provenEntry),
    formatChanged: provenEntry
      .exactOptional()
      .describe('Where a log that an earlier version began says that entries tell of approvals from then on, if these are from before.'),
    decisions: z
      .array(z.strictObject({ salt: z.string().nullable(), value: z.string().describe('RFC 8785 text.') }))
      .describe('What was decided, oldest first; entries commit to each, but to those of an earlier version, which have no salt.'),
    plan: z
      .strictObject({ digest: z.string(), bytes: z.string().describe('Base64.') })
      .nullable()
      .describe('Null where there is none, or where it may hold sensitive values that are not for the caller.'),
  }),
  'What proves one action: to be verified offline, by itself.',
);
