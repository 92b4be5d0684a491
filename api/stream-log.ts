import { readCheckpoint, readExportPage, readSubtrees, type Witnesses } from '../store/read-log.ts';
import { isRefusal, type Refusal, refuse } from '../store/refusal.ts';
import type { Tx } from '../store/sql.ts';
import type { Answer } from './route.ts';

interface LogReader {
  tenant: string;
  /** Whose cosignatures are in it. */
  witnesses: Witnesses;
  /** One transaction, for whoever may still read then. */
  read<T extends object>(work: (tx: Tx) => Promise<T | Refusal>): Promise<T | Refusal>;
  /** That it is exported, and up to where, in the transaction of its first page. */
  onExport(tx: Tx, range: Stretch): void | Promise<void>;
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
    await reader.onExport(tx, { from, to: end });
    return { to: end, subtrees: from > 1 && after === undefined ? await readSubtrees(tx, from - 1) : [] };
  });
  if (isRefusal(head)) return head;
  const { to, subtrees } = head;
  const header = after === undefined ? { exequatur: 'audit-export', format: 1, tenant: reader.tenant, from, to, subtrees } : null;
  return { status: 200, mediaType: 'application/x-ndjson', stream: lines({ from, to }, header, reader) };
}

async function endOf(tx: Tx, witnesses: Witnesses, from: number, to: number | undefined): Promise<number | null> {
  const last = await readCheckpoint(tx, witnesses);
  const end = to === undefined || last === null || to >= last.size ? last : await readCheckpoint(tx, witnesses, to);
  return end === null || from > end.size ? null : end.size;
}

/** An export says in its first line where it ends: the checkpoint there may have been forgotten since, and then it has to be taken anew. */
async function sameEnd(tx: Tx, witnesses: Witnesses, to: number | undefined): Promise<number | null> {
  const end = await readCheckpoint(tx, witnesses, to);
  return end?.size === to && to !== undefined ? to : null;
}

async function* lines({ from, to }: Stretch, header: object | null, reader: LogReader): AsyncGenerator<string> {
  if (header !== null) yield `${JSON.stringify(header)}\n`;
  // Whether it broke off before or behind the checkpoint at its last entry nobody says, and one that stands twice is the same.
  else yield* await checkpointAt(from - 1, reader);
  for (let next = from; next <= to; ) {
    const page = await reader.read((tx) => readExportPage(tx, reader.witnesses, next, to));
    if (isRefusal(page)) throw new Error('whoever exports is no longer allowed to'); // The answer breaks off, and lacks its last line.
    yield* page.pieces;
    next = page.next;
  }
  yield `${JSON.stringify({ end: to })}\n`;
}

async function checkpointAt(size: number, reader: LogReader): Promise<string[]> {
  const found = await reader.read(async (tx) => ({ checkpoint: await readCheckpoint(tx, reader.witnesses, size) }));
  if (isRefusal(found)) throw new Error('whoever exports is no longer allowed to');
  return found.checkpoint?.size === size ? [`${JSON.stringify({ checkpoint: found.checkpoint.note })}\n`] : [];
}
