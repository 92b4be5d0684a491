// An export: entries in one piece, under checkpoints.
import { frameOf, Mismatch, madeOf, sha256 } from './formats.mjs';
import { areHashes, faultIn, isPlace, isUuid, readEntry } from './kinds.mjs';
import { lackOf, nobody, openCheckpoint } from './notes.mjs';
import { Story } from './story.mjs';
import { leafHash, Tree } from './tree.mjs';

/** Of the first line. */
const headerKinds = { tenant: isUuid, from: isPlace, to: isPlace, subtrees: areHashes };

/** Checks an export given as an iterable of lines. `kept` are checkpoints that somebody kept elsewhere. @throws {Mismatch} */
export async function verifyExport(lines, verifiers, kept = [], asked = nobody) {
  let header = null;
  let tree = null;
  let previous = null;
  let sealed = 0;
  let witnessed = { size: 0, by: {} };
  let lack = lackOf({ cosigned: {} }, asked);
  let ended = false;
  let torn = null; // An entry that does not follow, until the one after it says whether that is one which follows it.
  const story = new Story();
  const wanted = new Map();
  const want = (checkpoint) => wanted.set(checkpoint.size, [...(wanted.get(checkpoint.size) ?? []), checkpoint]);
  for (const note of kept) want(openCheckpoint(note, verifiers));
  const check = (checkpoint) => {
    if (!checkpoint.origin.endsWith(`/${header.tenant}`))
      throw new Mismatch(null, `the checkpoint over ${checkpoint.size} entries is of another log, ${checkpoint.origin}`);
    if (checkpoint.size !== tree.size)
      throw new Mismatch(tree.size, `a checkpoint ends here that says it covers ${checkpoint.size} entries`);
    if (!tree.root.equals(checkpoint.root)) throw new Mismatch(checkpoint.size, 'up to here the log is not what was signed');
    sealed = Math.max(sealed, checkpoint.size);
    lack = lackOf(checkpoint, asked);
    if (lack === null) witnessed = { size: checkpoint.size, by: checkpoint.cosigned };
  };
  const checkKept = (size) => {
    for (const checkpoint of wanted.get(size) ?? []) check(checkpoint);
    wanted.delete(size);
  };
  for await (const line of lines) {
    if (ended) throw new Mismatch(tree.size, 'is the last by what the export says, and more lines follow');
    const item = readLine(line, torn !== null);
    if (torn !== null && item.checkpoint === undefined) throw tornAt(torn, item, Math.max(sealed, header.from - 1));
    if (torn !== null) continue;
    if (header === null) {
      if (item.exequatur !== 'audit-export' || item.format !== 1) throw new Error('this is no export of an audit log in format 1');
      const fault = faultIn(headerKinds, item);
      if (fault !== null) throw new Error(`the export does not begin as exports do: ${fault}`);
      if (item.subtrees.length !== (item.from - 1).toString(2).replaceAll('0', '').length)
        throw new Error(`the export begins with ${item.from}, and has ${item.subtrees.length} trees of what is before it`);
      if (item.to < item.from) throw new Error(`the export begins with ${item.from}, and ends with ${item.to}`);
      header = item;
      story.fromStart = header.from === 1;
      tree = new Tree(
        item.from - 1,
        item.subtrees.map((hash) => Buffer.from(hash, 'hex')),
      );
      checkKept(tree.size);
    } else if (item.end !== undefined) {
      ended = item.end === tree.size && item.end === header.to;
      if (!ended) throw new Mismatch(tree.size, `is the last, and the export says that it ends at ${item.end}, and at first ${header.to}`);
    } else if (item.checkpoint !== undefined) check(openCheckpoint(item.checkpoint, verifiers, asked.witnesses));
    else {
      if (item.seq !== tree.size + 1) throw new Mismatch(tree.size + 1, `is missing: ${item.seq} comes next`);
      const first = item.seq === 1 ? '0'.repeat(64) : null;
      const entry = readEntry(item);
      const frame = frameOf(header.tenant, entry);
      if (item.previousHash !== (previous ?? first ?? item.previousHash)) {
        torn = { seq: item.seq, hash: sha256(frame).toString('hex') };
        continue;
      }
      tree.add(leafHash(frame));
      previous = sha256(frame).toString('hex');
      madeOf(item.seq, () => story.tell(entry));
      checkKept(item.seq);
    }
  }
  if (torn !== null) throw tornAt(torn, {}, Math.max(sealed, header.from - 1));
  if (header === null || !ended) throw new Mismatch(tree?.size ?? null, 'the export ends too early');
  story.end(asked.mostUnjudged);
  if (sealed < tree.size) throw new Mismatch(sealed + 1, 'and what follows is under no checkpoint');
  if (asked.quorum > 0 && witnessed.size < tree.size)
    throw new Mismatch(witnessed.size + 1, `and what follows is under no checkpoint ${lack}`);
  const before = [...wanted.keys()].filter((size) => size <= tree.size);
  if (before.length > 0)
    throw new Error(`what was kept covers ${before.join(', ')} entries: the export must begin there, or with the first entry`);
  const beyond = [...wanted.keys()];
  if (beyond.length > 0) throw new Mismatch(tree.size, `is the last, and a checkpoint was signed over ${Math.max(...beyond)} entries`);
  return {
    tenant: header.tenant,
    from: header.from,
    to: tree.size,
    root: tree.root.toString('base64'),
    witnessed: witnessed.by,
    ...story.counts,
    undisclosed: story.undisclosed,
  };
}

/** What no JSON can be made of is as good as any other entry where the chain is torn already: that is what is told, and not this. */
function readLine(line, isTorn) {
  try {
    return JSON.parse(line) ?? {};
  } catch (error) {
    if (isTorn) return {};
    throw error;
  }
}

/**
 * Where the chain is torn: the last entry that what follows does not continue. It is the one before the entry that does not follow, unless a checkpoint was signed up to there;
 * or that one itself, where the entry after it does not follow either. Of those before it, back to the last checkpoint that holds, nothing is known: links can be mended.
 */
function tornAt({ seq, hash }, after, sealed) {
  if (sealed >= seq - 1) return new Mismatch(seq, 'does not follow the one before it');
  const which = after.previousHash === hash ? 'does not fit what follows' : 'or the next does not fit what follows';
  const since = seq - 1 > sealed + 1 ? `; others from ${sealed + 1} on may have been altered too` : '';
  return new Mismatch(seq - 1, `${which}: entry ${seq} continues another${since}`);
}
