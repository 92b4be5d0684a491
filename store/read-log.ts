import { hashBytes, inclusionProof, rangeHashes, StoredTiles, splitHashes } from '../audit/merkle.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql } from './sql.ts';

/** One entry of an export: what its frame is made of, and what it commits to, as far as that has not been erased. */
export interface ExportedEntry {
  seq: number;
  /** Microseconds since 1970. */
  at: string;
  /** Hex. */
  previousHash: string;
  payload: string;
  disclosures: { name: string; salt: string; value: string }[];
}

export interface SignedCheckpoint {
  size: number;
  /** A signed note, with the cosignatures that witnesses have given so far. */
  note: string;
}

/** SQL for an entry `e` of the log as JSON. */
const entryJson = `jsonb_build_object('seq', e.seq, 'at', ((extract(epoch FROM e.at) * 1000000)::bigint)::text, 'previousHash', encode(e.previous_hash, 'hex'),
  'payload', convert_from(e.payload, 'UTF8'),
  'disclosures', COALESCE((SELECT jsonb_agg(jsonb_build_object('name', d.name, 'salt', d.salt, 'value', d.value) ORDER BY d.name)
                             FROM exequatur.audit_disclosure d WHERE d.tenant_id = e.tenant_id AND d.entry_id = e.id), '[]'))`;

/** SQL for the note of a checkpoint `c`: cosignatures are further signature lines. */
const noteText = `c.note || COALESCE((SELECT string_agg(s.line, '' ORDER BY s.witness COLLATE "C") FROM exequatur.audit_cosignature s
  WHERE s.tenant_id = c.tenant_id AND s.size = c.size), '')`;

/** The last checkpoint, or the first that covers `atLeast` entries; null where there is none. */
export async function readCheckpoint(tx: Sql, atLeast?: number): Promise<SignedCheckpoint | null> {
  const [row] = await tx.rows<{ size: number; note: string }>(
    `SELECT c.size::float8 AS size, ${noteText} AS note FROM exequatur.audit_checkpoint c WHERE $1::bigint IS NULL OR c.size >= $1::bigint
      ORDER BY CASE WHEN $1::bigint IS NULL THEN -c.size ELSE c.size END LIMIT 1`,
    [atLeast ?? null],
  );
  return row ?? null;
}

/**
 * The checkpoint over at least so many entries that most witnesses cosigned, the newest of those, among the last 64 cosignatures: while one of two witnesses is away for
 * a little, what both have cosigned. Null where there is none.
 */
export async function readWitnessedCheckpoint(tx: Sql, atLeast = 1): Promise<SignedCheckpoint | null> {
  const [row] = await tx.rows<SignedCheckpoint>(
    `SELECT c.size::float8 AS size, ${noteText} AS note
       FROM (SELECT l.tenant_id, l.size FROM (SELECT s.tenant_id, s.size FROM exequatur.audit_cosignature s WHERE s.size >= $1::bigint ORDER BY s.size DESC LIMIT 64) l
              GROUP BY l.tenant_id, l.size ORDER BY count(*) DESC, l.size DESC LIMIT 1) w
       JOIN exequatur.audit_checkpoint c ON c.tenant_id = w.tenant_id AND c.size = w.size`,
    [atLeast],
  );
  return row ?? null;
}

/** Entries `from` to `to`, and the checkpoints that end among them. */
export async function readEntries(
  tx: Sql,
  from: number,
  to: number,
): Promise<{ entries: ExportedEntry[]; checkpoints: SignedCheckpoint[] }> {
  const [entries, checkpoints] = await Promise.all([
    tx.rows<{ entry: ExportedEntry }>(
      `SELECT ${entryJson} AS entry FROM exequatur.audit_entry e WHERE e.seq >= $1::bigint AND e.seq <= $2::bigint ORDER BY e.seq`,
      [from, to],
    ),
    tx.rows<SignedCheckpoint>(
      `SELECT c.size::float8 AS size, ${noteText} AS note FROM exequatur.audit_checkpoint c
        WHERE c.size >= $1::bigint AND c.size <= $2::bigint ORDER BY c.size`,
      [from, to],
    ),
  ]);
  return { entries: entries.map(({ entry }) => entry), checkpoints };
}

/** Hashes of the perfect trees that the first `count` entries are made of, largest first, in hex: what an export that begins later starts from. */
export async function readSubtrees(tx: Sql, count: number): Promise<string[]> {
  return (await rangeHashes(tilesOf(tx), count)).map((hash) => hash.toString('hex'));
}

type ProvenEntry = ExportedEntry & { proof: string[] };

export interface Evidence {
  checkpoint: SignedCheckpoint;
  /** Each with its proof, hashes in hex from the leaf upwards. */
  entries: ProvenEntry[];
  /** Where a log that an earlier version began says that entries tell of approvals from then on; null where none of these lacks that. */
  formatChanged: ProvenEntry | null;
  plan: { digest: string; bytes: string } | null;
}

/** All entries of a proposal with proofs that a checkpoint covers them, one that witnesses cosigned where there is one, and its plan's bytes in base64. */
export async function readEvidence(tx: Sql, proposalId: string): Promise<Evidence | Refusal> {
  const [rows, last, [plan]] = await Promise.all([
    tx.rows<{ entry: ExportedEntry }>(
      `SELECT ${entryJson} AS entry FROM exequatur.audit_entry e WHERE e.proposal_id = $1::uuid ORDER BY e.seq`,
      [proposalId],
    ),
    readCheckpoint(tx),
    tx.rows<{ digest: string; bytes: string }>(
      `SELECT l.digest, replace(encode(string_agg(c.bytes, ''::bytea ORDER BY c.ordinal), 'base64'), E'\\n', '') AS bytes
         FROM exequatur.proposal p JOIN exequatur.plan l ON l.tenant_id = p.tenant_id AND l.id = p.plan_id
         JOIN exequatur.plan_chunk c ON c.tenant_id = l.tenant_id AND c.plan_id = l.id WHERE p.id = $1::uuid GROUP BY l.digest`,
      [proposalId],
    ),
  ]);
  if (rows.length === 0) return refuse('not_found');
  const changed = rows.some(({ entry }) => isFromBefore(entry)) ? await readFormatChange(tx) : null;
  const newest = Math.max(...rows.map(({ entry }) => entry.seq), changed?.seq ?? 0);
  if (last === null || newest > last.size) return refuse('not_sealed');
  const checkpoint = (await readWitnessedCheckpoint(tx, newest)) ?? last;
  const tiles = tilesOf(tx);
  const proven = async (entry: ExportedEntry): Promise<ProvenEntry> => {
    const proof = await inclusionProof(tiles, entry.seq - 1, checkpoint.size);
    return { ...entry, proof: proof.map((hash) => hash.toString('hex')) };
  };
  const entries: ProvenEntry[] = [];
  for (const { entry } of rows) entries.push(await proven(entry));
  return { checkpoint, entries, formatChanged: changed === null ? null : await proven(changed), plan: plan ?? null };
}

/** Whether an earlier version wrote of a plan, without whose approval it needed. */
function isFromBefore({ payload }: ExportedEntry): boolean {
  const { type, from, requirement, requirementDigest } = JSON.parse(payload) as Record<string, unknown>;
  return type === 'proposal.simulated' && from === 'simulating' && requirement === undefined && requirementDigest === undefined;
}

async function readFormatChange(tx: Sql): Promise<ExportedEntry | null> {
  const [row] = await tx.rows<{ entry: ExportedEntry }>(
    `SELECT ${entryJson} AS entry FROM exequatur.audit_entry e WHERE e.type = 'log.format_changed' ORDER BY e.seq LIMIT 1`,
  );
  return row?.entry ?? null;
}

export function tilesOf(tx: Sql): StoredTiles {
  return new StoredTiles(
    async (level, tile) => {
      const [row] = await tx.rows<{ hashes: Buffer }>(
        'SELECT t.hashes FROM exequatur.audit_tile t WHERE t.level = $1::int AND t.tile = $2::bigint',
        [level, tile],
      );
      return row?.hashes ?? null;
    },
    async (from, to) => {
      const [row] = await tx.rows<{ leaves: Buffer | null }>(
        `SELECT string_agg(sha256('\\x00'::bytea || exequatur.audit_frame(e.tenant_id, e.seq, e.at, e.previous_hash, e.payload)), ''::bytea ORDER BY e.seq) AS leaves
           FROM exequatur.audit_entry e WHERE e.seq > $1::bigint AND e.seq <= $2::bigint`,
        [from, to],
      );
      const leaves = row?.leaves ?? Buffer.alloc(0);
      if (leaves.length !== (to - from) * hashBytes) throw new Error('the log has fewer entries than were sealed');
      return splitHashes(leaves);
    },
  );
}
