import { pageSizeOf, pageToken, readPageToken } from './page-token.ts';
import { type ExportedEntry, entryJson, pageOfEntries, readCheckpoint } from './read-log.ts';
import type { Page } from './read-plan.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql } from './sql.ts';

interface EntryPage {
  entries: ExportedEntry[];
  nextPageToken: string | null;
}

/** Entries from one on, as far as the last checkpoint goes: fewer than were asked for where they are large. */
export async function listEntries(tx: Sql, { from = 1, ...page }: Page & { from?: number }): Promise<EntryPage | Refusal> {
  const query = { entries: from };
  const start = page.pageToken === undefined ? { after: from - 1 } : readPageToken(query, page.pageToken);
  if (start === null || typeof start.after !== 'number' || !Number.isSafeInteger(start.after)) return refuse('invalid_page_token');
  const first = start.after + 1;
  const last = await readCheckpoint(tx, []);
  if (last === null || first > last.size) return refuse('not_sealed');
  const end = Math.min(last.size, start.after + pageSizeOf(page.pageSize));
  const rows = await tx.rows<{ entry: ExportedEntry }>(`SELECT ${entryJson} AS entry FROM ${pageOfEntries} ORDER BY e.seq`, [first, end]);
  const entries = rows.map(({ entry }) => entry);
  const reached = entries.at(-1)?.seq ?? end; // Entries that somebody took out are for verifiers to miss.
  return { entries, nextPageToken: reached < last.size ? pageToken(query, reached) : null };
}
