import type { Actor } from '../ontology/authority.ts';
import type { Tx } from '../store/sql.ts';

const mostFields = 200; // Of one entry, which has 64 KiB; a page of one type has far fewer, and of many types the rest are counted.

/**
 * That somebody was shown what is sensitive: by whom, of which fields, how many; never which. One entry for a request, in the transaction that reads: it MUST NOT be called again
 * there. Of what is not there, or is the reader's own, there is none.
 */
export function auditReads(tx: Tx, reader: Actor, shown: Record<string, number>): void {
  const reads = Object.entries(shown)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (reads.length === 0) return;
  const more = reads.length - mostFields;
  const facts = { fields: Object.fromEntries(reads.slice(0, mostFields)), ...(more > 0 ? { moreFields: more } : {}) };
  tx.audit({ type: 'sensitive.read', facts, personal: { reader: reader.id } });
}
