import { withCosignatures } from '../audit/cosignature.ts';
import { factsOf } from '../audit/entry.ts';
import { hashBytes, inclusionProof, rangeHashes, StoredTiles, splitHashes } from '../audit/merkle.ts';
import type { VerifierKey } from '../audit/note-keys.ts';
import { decisionText, type TakenDecision } from './decision-text.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql } from './sql.ts';

/** One entry of an export: what its frame is made of, and what it commits to, as far as that has not been erased. */
export interface ExportedEntry {
  seq: number;
  /** Microseconds since 1970. */
  at: string;
  /** Hex. */
  previousHash: string;
  /** Null where the bytes are no text, as nobody appends them: for verifiers to name. */
  payload: string | null;
  disclosures: { name: string; salt: string; value: string }[];
}

export interface SignedCheckpoint {
  size: number;
  /** A signed note, with the cosignatures that witnesses have given so far. */
  note: string;
}

/** SQL for an entry `e` of the log as JSON, whatever somebody made of its row: a time without end is one in words here, which no verifier takes. */
export const entryJson = `jsonb_build_object('seq', e.seq, 'at', trunc(extract(epoch FROM e.at) * 1000000)::text, 'previousHash', encode(e.previous_hash, 'hex'),
  'payload', exequatur.entry_text(e.payload),
  'disclosures', COALESCE((SELECT jsonb_agg(jsonb_build_object('name', d.name, 'salt', d.salt, 'value', d.value) ORDER BY d.name)
                             FROM exequatur.audit_disclosure d WHERE d.tenant_id = e.tenant_id AND d.entry_id = e.id), '[]'))`;

/** SQL for a checkpoint `c` with what is filed as cosignatures of the witnesses named in the second value. Of which of those hold {@link signed} makes the note. */
const filed = `c.size::float8 AS size, c.note, ARRAY(SELECT s.line FROM exequatur.audit_cosignature s
  WHERE s.tenant_id = c.tenant_id AND s.size = c.size AND s.witness = ANY ($2::text[])) AS lines`;

interface FiledCheckpoint extends SignedCheckpoint {
  lines: string[];
}

/** The witnesses whose cosignatures are served, by their keys. */
export type Witnesses = readonly VerifierKey[];

const namesOf = (witnesses: Witnesses): string[] => witnesses.map(({ name, id }) => `${name}+${id}`);

function signed({ size, note, lines }: FiledCheckpoint, witnesses: Witnesses): SignedCheckpoint & { by: number } {
  return { size, ...withCosignatures(note, lines, witnesses) };
}

/** The last checkpoint, or the first that covers `atLeast` entries; null where there is none. */
export async function readCheckpoint(tx: Sql, witnesses: Witnesses, atLeast?: number): Promise<SignedCheckpoint | null> {
  // Two statements, each of which takes one row from an end of the primary key's index: one for both would sort all checkpoints.
  const order = atLeast === undefined ? 'DESC' : 'ASC';
  const [row] = await tx.rows<FiledCheckpoint>(
    `SELECT ${filed} FROM exequatur.audit_checkpoint c WHERE c.size >= $1::bigint ORDER BY c.size ${order} LIMIT 1`,
    [atLeast ?? 0, namesOf(witnesses)],
  );
  if (row === undefined) return null;
  const { size, note } = signed(row, witnesses);
  return { size, note };
}

const candidates = 32; // Some seconds of a busy log: while one of two witnesses is away for a little, what both have cosigned is among them.

/**
 * The checkpoint over at least so many entries that most witnesses cosigned, the newest of those, among the last under which anything that holds is filed. Null where there
 * is none; whatever was filed that does not hold is passed over, however much there is.
 */
export async function readWitnessedCheckpoint(tx: Sql, witnesses: Witnesses, atLeast = 1): Promise<SignedCheckpoint | null> {
  if (witnesses.length === 0) return null;
  for (let below = Number.MAX_SAFE_INTEGER; ; ) {
    const rows: FiledCheckpoint[] = await tx.rows<FiledCheckpoint>(
      `SELECT ${filed} FROM exequatur.audit_checkpoint c WHERE c.size >= $1::bigint AND c.size < $3::bigint
          AND EXISTS (SELECT FROM exequatur.audit_cosignature s WHERE s.tenant_id = c.tenant_id AND s.size = c.size AND s.witness = ANY ($2::text[]))
        ORDER BY c.size DESC LIMIT ${candidates}`,
      [atLeast, namesOf(witnesses), below],
    );
    const found = rows.map((row) => signed(row, witnesses)).filter(({ by }) => by > 0);
    const most = Math.max(...found.map(({ by }) => by));
    const best = found.find(({ by }) => by === most);
    if (best !== undefined) return { size: best.size, note: best.note };
    const last = rows.at(-1);
    if (last === undefined || rows.length < candidates) return null;
    below = last.size;
  }
}

/** Of an export, in order. */
interface ExportPage {
  /** Lines: entries as JSON, up to the end of the page or of a checkpoint, and behind those of a checkpoint `{"checkpoint"}` with its note. */
  pieces: string[];
  /** Where the next page begins. */
  next: number;
}

const pageEntries = 500;
const pageBytes = 1_048_576; // Of payloads and what they disclose; 500 entries may have hundreds of times as much.

/** SQL for the entries `e` from `$1` to `$2`, up to where they have filled a page; the first in any case. What each holds is summed up behind it, so that it is asked once. */
export const pageOfEntries = `(SELECT x.*, COALESCE(sum(x.bytes) OVER (ORDER BY x.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
     FROM (SELECT y.*, length(y.payload) + COALESCE((SELECT sum(octet_length(d.value)) FROM exequatur.audit_disclosure d
                                                      WHERE d.tenant_id = y.tenant_id AND d.entry_id = y.id), 0) AS bytes
             FROM exequatur.audit_entry y WHERE y.seq >= $1::bigint AND y.seq <= $2::bigint) x) e WHERE e.before < ${pageBytes}`;

/**
 * Entries from one on, up to the last that the export has, in one text as PostgreSQL makes it. Strings of single entries V8 moved among what is old, as many as the log has, and
 * kept there until it collected everything; one that is as large as a page it lets go of soon. `last` is there whether it has been forgotten since or not.
 */
export async function readExportPage(tx: Sql, witnesses: Witnesses, from: number, last: SignedCheckpoint): Promise<ExportPage> {
  const end = Math.min(last.size, from + pageEntries - 1);
  const [entries, checkpoints] = await Promise.all([
    tx.rows<{ seq: number; text: string }>(
      `SELECT max(e.seq)::float8 AS seq, string_agg((${entryJson})::text || E'\\n', '' ORDER BY e.seq) AS text
         FROM ${pageOfEntries} GROUP BY (SELECT min(c.size) FROM exequatur.audit_checkpoint c WHERE c.size >= e.seq) ORDER BY 1`,
      [from, end],
    ),
    tx.rows<FiledCheckpoint>(
      `SELECT ${filed} FROM exequatur.audit_checkpoint c WHERE c.size >= $1::bigint AND c.size <= $3::bigint ORDER BY c.size`,
      [from, namesOf(witnesses), end],
    ),
  ]);
  const notes = new Map([[last.size, last.note], ...checkpoints.map((row) => [row.size, signed(row, witnesses).note] as const)]);
  const pieces = entries.flatMap(({ seq, text }) => {
    const checkpoint = notes.get(seq);
    return checkpoint === undefined ? [text] : [text, `${JSON.stringify({ checkpoint })}\n`];
  });
  return { pieces, next: (entries.at(-1)?.seq ?? end) + 1 }; // Entries that somebody took out are for verifiers to miss.
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
  /** What was decided on the proposal, oldest first, as the rows say it now. */
  decisions: ProvenDecision[];
  /** Null where it was not asked for, or there is none. */
  plan: EvidencePlan | null;
}

interface ProvenDecision {
  /** Hex, with which an entry commits to it; null of one from before entries did. */
  salt: string | null;
  /** RFC 8785 text. */
  value: string;
}

/** Its bytes are read chunk by chunk, with {@link readPlanChunk}: many megabytes, of a large one. They never change. */
export interface EvidencePlan {
  id: string;
  digest: string;
  chunks: number;
}

/**
 * All entries of a proposal with proofs that a checkpoint covers them, one that witnesses cosigned where there is one, and its plan where that is wanted. MUST be read in one
 * snapshot: of a proposal that goes on in between, plan, decisions and entries would else be of different moments.
 */
export async function readEvidence(
  tx: Sql,
  witnesses: Witnesses,
  { proposalId, withPlan }: { proposalId: string; withPlan: boolean },
): Promise<Evidence | Refusal> {
  const [plan, decisions, rows, last] = await Promise.all([
    withPlan ? readChunkedPlan(tx, proposalId) : null,
    readProvenDecisions(tx, proposalId),
    tx.rows<{ entry: ExportedEntry }>(
      `SELECT ${entryJson} AS entry FROM exequatur.audit_entry e WHERE e.proposal_id = $1::uuid ORDER BY e.seq`,
      [proposalId],
    ),
    readCheckpoint(tx, witnesses),
  ]);
  if (rows.length === 0) return refuse('not_found');
  const changed = rows.some(({ entry }) => isFromBefore(entry)) ? await readFormatChange(tx) : null;
  const newest = Math.max(...rows.map(({ entry }) => entry.seq), changed?.seq ?? 0);
  if (last === null || newest > last.size) return refuse('not_sealed');
  const checkpoint = (await readWitnessedCheckpoint(tx, witnesses, newest)) ?? last;
  const tiles = tilesOf(tx);
  const proven = async (entry: ExportedEntry): Promise<ProvenEntry> => {
    const proof = await inclusionProof(tiles, entry.seq - 1, checkpoint.size);
    return { ...entry, proof: proof.map((hash) => hash.toString('hex')) };
  };
  const entries: ProvenEntry[] = [];
  for (const { entry } of rows) entries.push(await proven(entry));
  return { checkpoint, entries, formatChanged: changed === null ? null : await proven(changed), decisions, plan };
}

/** Of somebody who was erased none is shown. */
async function readProvenDecisions(tx: Sql, proposalId: string): Promise<ProvenDecision[]> {
  const rows = await tx.rows<TakenDecision & { salt: string | null }>(
    `SELECT d.id::text AS id, d.proposal_id::text AS "proposalId", d.actor, d.action, d.outcome, d.reason, d.revision, d.digest, d.policy_version::float8 AS "policyVersion",
            d.policies, d.errors, d.details, encode(d.salt, 'hex') AS salt
       FROM exequatur.decision d WHERE d.proposal_id = $1::uuid AND d.salt IS DISTINCT FROM '' ORDER BY d.at, d.id`,
    [proposalId],
  );
  return rows.map((row) => ({ salt: row.salt, value: decisionText(row) }));
}

async function readChunkedPlan(tx: Sql, proposalId: string): Promise<EvidencePlan | null> {
  const [plan] = await tx.rows<EvidencePlan>(
    `SELECT l.id::text AS id, l.digest, (SELECT count(*)::int FROM exequatur.plan_chunk c WHERE c.tenant_id = l.tenant_id AND c.plan_id = l.id) AS chunks
       FROM exequatur.proposal p JOIN exequatur.plan l ON l.tenant_id = p.tenant_id AND l.id = p.plan_id WHERE p.id = $1::uuid`,
    [proposalId],
  );
  return plan ?? null;
}

/** One chunk of a plan's bytes, from 0 in order; null where somebody took it away. */
export async function readPlanChunk(tx: Sql, { id }: EvidencePlan, ordinal: number): Promise<{ bytes: Buffer } | null> {
  const [chunk] = await tx.rows<{ bytes: Buffer }>(
    'SELECT c.bytes FROM exequatur.plan_chunk c WHERE c.plan_id = $1::uuid AND c.ordinal = $2::int',
    [id, ordinal],
  );
  return chunk ?? null;
}

/** Whether an earlier version wrote of a plan, without whose approval it needed. */
function isFromBefore({ payload }: ExportedEntry): boolean {
  const { type, from, requirement, requirementDigest } = factsOf(payload);
  return type === 'proposal.simulated' && from === 'simulating' && requirement === undefined && requirementDigest === undefined;
}

async function readFormatChange(tx: Sql): Promise<ExportedEntry | null> {
  const [row] = await tx.rows<{ entry: ExportedEntry }>(
    `SELECT ${entryJson} AS entry FROM exequatur.audit_entry e WHERE e.type = 'log.format_changed' ORDER BY e.seq LIMIT 1`,
  );
  return row?.entry ?? null;
}

/** SQL for the bytes of an entry `e`; none where it is of a time that they cannot say, with which nothing holds any more. */
export const entryFrame = `CASE WHEN e.at BETWEEN '4713-01-01 BC' AND '294000-01-01' THEN exequatur.audit_frame(e.tenant_id, e.seq, e.at, e.previous_hash, e.payload) ELSE '' END`;

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
        `SELECT string_agg(sha256('\\x00'::bytea || ${entryFrame}), ''::bytea ORDER BY e.seq) AS leaves
           FROM exequatur.audit_entry e WHERE e.seq > $1::bigint AND e.seq <= $2::bigint`,
        [from, to],
      );
      const leaves = row?.leaves ?? Buffer.alloc(0);
      if (leaves.length !== (to - from) * hashBytes) throw new Error('the log has fewer entries than were sealed');
      return splitHashes(leaves);
    },
  );
}
