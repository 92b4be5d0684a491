// The evidence of one action: its entries, each proven by itself, and its plan.
import { judgeDecisions } from './decisions.mjs';
import { frameOf, Mismatch, madeOf, sha256 } from './formats.mjs';
import { areHashes, faultIn, isBase64, isObject, isText, isUuid, readEntry } from './kinds.mjs';
import { lackOf, nobody, openCheckpoint } from './notes.mjs';
import { Story } from './story.mjs';
import { leafHash, rootByInclusion } from './tree.mjs';

const planKinds = { digest: isText, bytes: isBase64 };
const evidenceKinds = {
  tenant: isUuid,
  proposalId: isUuid,
  checkpoint: isText,
  entries: Array.isArray,
  decisions: (value) => value === undefined || Array.isArray(value),
  plan: (value) => value === null || faultIn(planKinds, value) === null,
};

/** Checks the evidence of one action. @throws {Mismatch} */
export function verifyEvidence(evidence, verifiers, asked = nobody) {
  if (evidence?.exequatur !== 'evidence' || evidence.format !== 1) throw new Error('this is no evidence of an action in format 1');
  const fault = faultIn(evidenceKinds, evidence);
  if (fault !== null) throw new Mismatch(null, `the evidence is not made as evidence is: ${fault}`);
  const checkpoint = openCheckpoint(evidence.checkpoint, verifiers, asked.witnesses);
  if (!checkpoint.origin.endsWith(`/${evidence.tenant}`)) throw new Mismatch(null, 'the checkpoint is of another log');
  const lack = lackOf(checkpoint, asked);
  if (lack !== null) throw new Mismatch(null, `the checkpoint over ${checkpoint.size} entries is not ${lack}`);
  const { plan } = evidence;
  const story = new Story(plan === null ? new Map() : new Map([[plan.digest, requirementOf(plan)]]));
  for (const entry of entriesOf(evidence)) {
    const { type, proposalId } = entry.facts;
    const proof = entry.proof.map((hash) => Buffer.from(hash, 'hex'));
    const root = rootByInclusion(leafHash(frameOf(evidence.tenant, entry)), entry.seq - 1, checkpoint.size, proof);
    if (root === null || !root.equals(checkpoint.root)) throw new Mismatch(entry.seq, 'is not in the log that was signed');
    if (entry.isFormatChange ? type !== 'log.format_changed' : proposalId !== evidence.proposalId)
      throw new Mismatch(entry.seq, 'is of another proposal');
    madeOf(entry.seq, () => story.tell(entry));
  }
  story.end(asked.mostUnjudged);
  const told = story.proposals.get(evidence.proposalId);
  if (told === undefined) throw new Mismatch(null, 'the evidence has no entry of its proposal');
  const result = {
    tenant: evidence.tenant,
    proposalId: evidence.proposalId,
    size: checkpoint.size,
    signers: checkpoint.signers,
    witnessed: checkpoint.cosigned,
    status: told.status,
    ...story.counts,
    ...madeOf(null, () => judgeDecisions(evidence.decisions ?? [], told, evidence.proposalId)),
  };
  if (plan !== null && told.requirements?.has(plan.digest) !== true) throw new Mismatch(null, 'the plan is one that no entry tells of');
  if (told.executed === undefined) return result;
  const { planDigest, approvedBy, seq, isJudged, isLast } = told.executed;
  if (plan !== null && isLast && plan.digest !== planDigest) throw new Mismatch(seq, 'the plan is not the one that was executed');
  return { ...result, planDigest, approvedBy, isJudged };
}

/** In order, each once: `entries` as they stand, and `formatChanged` in its place among them. @throws {Mismatch} */
function entriesOf({ entries, formatChanged = null }) {
  const read = (item) => readEntry(item, { proof: areHashes });
  const given = entries.map(read);
  const change = formatChanged === null ? [] : [{ ...read(formatChanged), isFormatChange: true }];
  const all = [...given, ...change].sort((one, other) => one.seq - other.seq);
  for (const list of [given, all])
    for (const [at, { seq }] of list.entries())
      if (at > 0 && seq <= list[at - 1].seq) throw new Mismatch(seq, `stands in the evidence behind entry ${list[at - 1].seq}`);
  return all;
}

/** From the header, the first line of a plan's bytes, which always has one. @throws {Mismatch} where it has none, or these are not the plan of the digest. */
function requirementOf({ digest, bytes }) {
  const plan = Buffer.from(bytes, 'base64');
  if (digest !== `sha256:${sha256(plan).toString('hex')}`) throw new Mismatch(null, 'the plan is not the one that its digest names');
  const requirement = madeOf(null, () => JSON.parse(plan.toString('utf8').split('\n')[0]).requirement);
  if (!isObject(requirement)) throw new Mismatch(null, 'the plan does not say whose approval it needs');
  return requirement;
}
