import { readCheckpoint, readExportPage, readSubtrees, type SignedCheckpoint, type Witnesses } from '../store/read-log.ts';
import { isRefusal, type Refusal, refuse } from '../store/refusal.ts';
import type { Tx } from '../store/sql.ts';
import type { Answer } from './route.ts';

interface LogReader {
  tenant: string;
  /** Whose cosignatures are in it. */
  witnesses: Witnesses;
  /** One transaction, for whoever may still read then. */
  read<T extends object>(work: (tx: Tx) => Promise<T | Refusal>): Promise<T | Refusal>;
  /** That it is exported, and up to where, as the last thing in the transaction of its head. */
  onExport(tx: Tx, range: Stretch): void;
}

interface Stretch {
  from: number;
  to: number;
}

/** Which part of a log: from an entry on, at least up to one; or what an export lacks that broke off behind an entry and is to end where it says. */
export interface AskedLog {
  from?: number;
  to?: number;
  after?: number;
}

/** Streams a log up to where a checkpoint was signed, in constant memory. */
export async function streamLog(asked: AskedLog, reader: LogReader): Promise<Answer | Refusal> {
  const { after } = asked;
  const from = after === undefined ? (asked.from ?? 1) : after + 1;
  const head = await reader.read(async (tx) => {
    const end = after === undefined ? await endOf(tx, reader.witnesses, from, asked.to) : await sameEnd(tx, reader.witnesses, asked.to);
    if (end === null) return refuse('not_sealed');
    const subtrees = from > 1 && after === undefined ? await readSubtrees(tx, from - 1) : [];
    reader.onExport(tx, { from, to: end.size });
    return { end, subtrees };
  });
  if (isRefusal(head)) return head;
  const { end, subtrees } = head;
  const header = after === undefined ? { exequatur: 'audit-export', format: 1, tenant: reader.tenant, from, to: end.size, subtrees } : null;
  return { status: 200, mediaType: 'application/x-ndjson', stream: lines(from, end, header, reader) };
}

async function endOf(tx: Tx, witnesses: Witnesses, from: number, to: number | undefined): Promise<SignedCheckpoint | null> {
  const last = await readCheckpoint(tx, witnesses);
  const end = to === undefined || last === null || to >= last.size ? last : await readCheckpoint(tx, witnesses, to);
  return end === null || from > end.size ? null : end;
}

/** An export says in its first line where it ends: the checkpoint there may have been forgotten since, and then it has to be taken anew. */
async function sameEnd(tx: Tx, witnesses: Witnesses, to: number | undefined): Promise<SignedCheckpoint | null> {
  const end = await readCheckpoint(tx, witnesses, to);
  return end?.size === to ? end : null;
}

/** `end` is held from the first transaction on: the checkpoint may be forgotten while what is before it is on its way. */
async function* lines(from: number, end: SignedCheckpoint, header: object | null, reader: LogReader): AsyncGenerator<string> {
  if (header !== null) yield `${JSON.stringify(header)}\n`;
  // Whether it broke off before or behind the checkpoint at its last entry nobody says, and one that stands twice is the same.
  else yield* await checkpointAt(from - 1, end, reader);
  for (let next = from; next <= end.size; ) {
    const page = await reader.read((tx) => readExportPage(tx, reader.witnesses, next, end));
    if (isRefusal(page)) throw new Error('whoever exports is no longer allowed to'); // The answer breaks off, and lacks its last line.
    yield* page.pieces;
    next = page.next;
  }
  yield `${JSON.stringify({ end: end.size })}\n`;
}

async function checkpointAt(size: number, end: SignedCheckpoint, reader: LogReader): Promise<string[]> {
  const found = await reader.read(async (tx) => ({
    checkpoint: size === end.size ? end : await readCheckpoint(tx, reader.witnesses, size),
  }));
  if (isRefusal(found)) throw new Error('whoever exports is no longer allowed to');
  return found.checkpoint?.size === size ? [`${JSON.stringify({ checkpoint: found.checkpoint.note })}\n`] : [];
}
