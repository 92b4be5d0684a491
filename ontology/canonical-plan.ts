import { createHash } from 'node:crypto';
import { canonicalText } from './canonical-json.ts';
import { compareText, isStorableText } from './json.ts';
import type { Edit, Plan, PlanHeader } from './plan.ts';

/** Large enough that a plan of 100,000 edits is a few hundred rows, small enough to page through edits without reading the whole. */
const chunkSize = 256 * 1024;

export interface WrittenPlan {
  /** Split at line ends; a newline stays with the line that it ends, so the chunks concatenated are the canonical bytes. */
  chunks: Uint8Array[];
  /** For each chunk, the ordinal of its first edit and how many edits it holds. */
  chunkEdits: { first: number; count: number }[];
  /** `sha256:` and the hash of the bytes. */
  digest: string;
  bytes: number;
}

/**
 * Writes a plan as canonical bytes: JSON Lines, each line RFC 8785, joined by newlines and without one at the end. Line 1 is the header, line 2 the parameters,
 * then one edit a line. Equal plans have equal bytes, whatever the order of their keys.
 * @throws when a text cannot be stored (U+0000, half a surrogate pair); values are checked long before, so that is a bug.
 */
export function writePlan(plan: Plan): WrittenPlan {
  const hash = createHash('sha256');
  const written: WrittenPlan = { chunks: [], chunkEdits: [], digest: '', bytes: 0 };
  let lines: string[] = [];
  let size = 0;
  let first = 0;
  let count = 0;
  const flush = (isLast: boolean) => {
    const chunk = Buffer.from(isLast ? lines.join('\n') : `${lines.join('\n')}\n`, 'utf8');
    hash.update(chunk);
    written.chunks.push(chunk);
    written.chunkEdits.push({ first, count });
    written.bytes += chunk.length;
    lines = [];
    size = 0;
    first += count;
    count = 0;
  };
  const add = (line: string) => {
    if (size >= chunkSize) {
      flush(false);
    }
    lines.push(line);
    size += line.length + 1; // In UTF-16 units, which is near enough to bytes for a size that is only about right.
  };
  add(lineOf(plan.header));
  add(plan.parametersText);
  for (const edit of plan.edits) {
    add(lineOf(edit));
    count++;
  }
  flush(true);
  written.digest = `sha256:${hash.digest('hex')}`;
  return written;
}

function lineOf(value: PlanHeader | Edit): string {
  const line = canonicalText(value);
  if ((line.includes('\\u0000') || line.includes('\\ud')) && !isStorable(value)) {
    throw new Error('a plan holds text that cannot be stored');
  }
  return line;
}

function isStorable(value: unknown): boolean {
  if (typeof value === 'string') {
    return isStorableText(value);
  }
  return (
    typeof value !== 'object' || value === null || Object.entries(value).every(([name, inner]) => isStorableText(name) && isStorable(inner))
  );
}

/** The inverse of `writePlan`. @throws when the bytes are no plan. */
export function readPlan(chunks: readonly Uint8Array[]): Plan {
  const lines = chunks.flatMap((chunk, at) => {
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('utf8');
    return (at < chunks.length - 1 ? text.slice(0, -1) : text).split('\n');
  });
  const [header, parametersText, ...edits] = lines;
  if (header === undefined || parametersText === undefined) {
    throw new Error('a plan has at least two lines');
  }
  return { header: JSON.parse(header) as PlanHeader, parametersText, edits: edits.map((line) => JSON.parse(line) as Edit) };
}

/** Sorts edits into the one order a plan has: objects by (type, id), then links by (link, from, to, op), in UTF-8 bytes. */
export function sortEdits(edits: Edit[]): Edit[] {
  return edits.sort((left, right) => compareSubjects(left, right) || compareText(left.op, right.op));
}

/** The order of what two edits are about; 0 where that is the same object or link row. */
export function compareSubjects(left: Edit, right: Edit): number {
  const isLink = 'link' in left;
  if (isLink !== 'link' in right) {
    return isLink ? 1 : -1;
  }
  if ('link' in left && 'link' in right) {
    return compareText(left.link, right.link) || compareText(left.from, right.from) || compareText(left.to, right.to);
  }
  return 'type' in left && 'type' in right ? compareText(left.type, right.type) || compareText(left.id, right.id) : 0;
}
