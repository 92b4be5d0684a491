import { createHash, randomUUID } from 'node:crypto';
import { auditEntry, frameOf } from '../../audit/entry.ts';
import { emptyRoot, leafHash, nodeHash } from '../../audit/merkle.ts';
import { checkpointText, readSigner, signNote, writeSigner } from '../../audit/signed-note.ts';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';

const part = (name: string) => import(String(new URL(`../../verifier/${name}.mjs`, import.meta.url)));
const { Mismatch } = await part('formats');
const { Tree } = await part('tree');
const { readVerifier } = await part('notes');
const { verifyEvidence } = await part('verify-evidence');
const { verifyExport } = await part('verify-export');

/** An entry as somebody would like to have written it. `erased` are names of `personal` that are disclosed no more. */
export interface Written {
  type: string;
  facts?: JsonObject;
  personal?: Record<string, JsonValue>;
  erased?: readonly string[];
  /** Null of one that is about no proposal. */
  proposalId?: string | null;
  /** Seconds since the log began; a second after the entry before where it is absent. */
  at?: number;
}

const tenant = randomUUID();
const proposalId = randomUUID();
const signer = readSigner(writeSigner('hostile.test/log', Buffer.alloc(32, 9)));
export const { verifierKey } = signer;
const verifiers = [readVerifier(verifierKey)];

/** The lines of an export of these entries, chained and signed by a key of our own: what its holder can make anybody believe. `sealed` are sizes with a checkpoint, beside the last. */
export async function signedExport(
  written: readonly Written[],
  { from = 1, sealed = [] }: { from?: number; sealed?: readonly number[] } = {},
): Promise<string[]> {
  const tree = new Tree();
  let previousHash = '0'.repeat(64);
  let subtrees: string[] = [];
  let now = 0;
  const lines: JsonValue[] = [];
  for (const [index, { type, facts = {}, personal = {}, erased = [], at, ...about }] of written.entries()) {
    const of = about.proposalId === null ? {} : { proposalId: about.proposalId ?? proposalId };
    const { payload, disclosures } = auditEntry({ type, ...of, facts, personal });
    now = at ?? now + 1;
    const entry = { seq: index + 1, at: String((1_790_000_000 + now) * 1_000_000), previousHash, payload };
    const frame = frameOf(tenant, entry);
    if (index + 1 === from) subtrees = tree.hashes.map((hash: Buffer) => hash.toString('hex'));
    tree.add(leafHash(frame));
    previousHash = createHash('sha256').update(frame).digest('hex');
    if (index + 1 < from) continue;
    lines.push({ ...entry, disclosures: disclosures.filter(({ name }) => !erased.includes(name)).map((one) => ({ ...one })) });
    if (index + 1 === written.length || sealed.includes(index + 1))
      lines.push({ checkpoint: await signNote(checkpointText(`${signer.name}/${tenant}`, index + 1, tree.root), [signer]) });
  }
  const to = written.length;
  return [{ exequatur: 'audit-export', format: 1, tenant, from, to, subtrees }, ...lines, { end: to }].map((line) => JSON.stringify(line));
}

/** The same lines with each link right again up to an entry, whatever was altered before. */
export function mendedUpTo(lines: readonly string[], seq: number): string[] {
  let previousHash: string | undefined;
  return lines.map((line) => {
    const item = JSON.parse(line) as JsonObject & Parameters<typeof frameOf>[1];
    if (item.seq === undefined) return line;
    const entry = { ...item, previousHash: item.seq > seq ? item.previousHash : (previousHash ?? item.previousHash) };
    previousHash = createHash('sha256').update(frameOf(tenant, entry)).digest('hex');
    return JSON.stringify(entry);
  });
}

/** Evidence of the proposal in the same log: all that is in the export, each entry with its proof, and the plan whose bytes these are. `leave` says which entries it has. */
export async function signedEvidence(
  written: readonly Written[],
  { plan = null, leave = () => true }: { plan?: string | null; leave?: (seq: number) => boolean } = {},
): Promise<JsonObject> {
  const lines = (await signedExport(written)).map((line) => JSON.parse(line) as JsonObject);
  const checkpoint = lines.find((line) => line.checkpoint !== undefined)?.checkpoint ?? null;
  const all = lines.filter((line) => line.seq !== undefined) as unknown as (JsonObject & Parameters<typeof frameOf>[1])[];
  const leaves = all.map((entry) => leafHash(frameOf(tenant, entry)));
  const entries = all
    .map((entry, index) => ({ ...entry, proof: auditPath(index, leaves).map((hash) => hash.toString('hex')) }))
    .filter(({ seq }) => leave(seq));
  const bytes = plan === null ? null : { digest: digestOf(plan), bytes: Buffer.from(plan).toString('base64') };
  return { exequatur: 'evidence', format: 1, tenant, proposalId, checkpoint, entries, plan: bytes };
}

/** Of a plan’s bytes. */
export const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** RFC 6962, 2.1.1, as it is written there. */
function auditPath(index: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length < 2) return [];
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split ? [...auditPath(index, left), rootOf(right)] : [...auditPath(index - split, right), rootOf(left)];
}

function rootOf(leaves: readonly Buffer[]): Buffer {
  if (leaves.length < 2) return leaves[0] ?? emptyRoot;
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return nodeHash(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

/** What the verifier says of evidence. */
export function saidOfEvidence(evidence: JsonObject): JsonObject | string {
  try {
    return verifyEvidence(evidence, verifiers);
  } catch (error) {
    return (error as Error).message;
  }
}

/** With what the verifier would exit. */
export function exitOf(evidence: JsonObject): 0 | 1 | 2 {
  try {
    verifyEvidence(evidence, verifiers);
    return 0;
  } catch (error) {
    return error instanceof Mismatch ? 1 : 2;
  }
}

/** What the verifier says of these lines: what it counted, or what does not hold. */
export async function saidOf(lines: readonly string[], mostUnjudged = Number.POSITIVE_INFINITY): Promise<JsonObject | string> {
  try {
    return await verifyExport(lines, verifiers, [], { witnesses: [], quorum: 0, mostUnjudged });
  } catch (error) {
    return (error as Error).message;
  }
}

/** The same of a log from its first entry. */
export async function verdictOn(written: readonly Written[], mostUnjudged?: number): Promise<JsonObject | string> {
  return saidOf(await signedExport(written), mostUnjudged);
}
