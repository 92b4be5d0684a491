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
  onExport(tx: Tx, range: { from: number; to: number }): void | Promise<void>;
}

/** Streams a log up to where a checkpoint was signed, in constant memory. */
export async function streamLog({ from = 1, to }: { from?: number; to?: number }, reader: LogReader): Promise<Answer | Refusal> {
  const head = await reader.read(async (tx) => {
    const last = await readCheckpoint(tx, reader.witnesses);
    const end = to === undefined || last === null || to >= last.size ? last : await readCheckpoint(tx, reader.witnesses, to);
    if (end === null || from > end.size) return refuse('not_sealed');
    await reader.onExport(tx, { from, to: end.size });
    return { to: end.size, subtrees: from > 1 ? await readSubtrees(tx, from - 1) : [] };
  });
  if (isRefusal(head)) return head;
  const header = { exequatur: 'audit-export', format: 1, tenant: reader.tenant, from, to: head.to, subtrees: head.subtrees };
  return { status: 200, mediaType: 'application/x-ndjson', stream: lines(header, reader) };
}

async function* lines(header: { from: number; to: number }, reader: LogReader): AsyncGenerator<string> {
  yield `${JSON.stringify(header)}\n`;
  for (let next = header.from; next <= header.to; ) {
    const page = await reader.read((tx) => readExportPage(tx, reader.witnesses, next, header.to));
    if (isRefusal(page)) throw new Error('whoever exports is no longer allowed to'); // The answer breaks off, and lacks its last line.
    yield* page.pieces;
    next = page.next;
  }
  yield `${JSON.stringify({ end: header.to })}\n`;
}
