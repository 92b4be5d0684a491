import { readCheckpoint, readEntries, readSubtrees } from '../../store/read-log.ts';
import { isRefusal, refuse } from '../../store/refusal.ts';
import type { ApiContext } from '../api-context.ts';
import type { AuthenticatedCaller } from '../authenticate.ts';
import { route } from '../route.ts';
import { exportQuery } from '../schemas/audit-schema.ts';

const pageEntries = 500;

export const exportAudit = route({
  name: 'exportAudit',
  method: 'get',
  path: '/v1/audit/export',
  tag: 'audit',
  summary: 'Export the audit log',
  description:
    'Lines of JSON: a header, the entries with what they commit to, and each checkpoint behind the entry that it ends at; the last line says that it is whole. `exequatur-verify` checks it offline.',
  permission: 'audit:read',
  request: { query: exportQuery },
  responses: { 200: { description: 'The export.', mediaType: 'application/x-ndjson' } },
  problems: ['not_sealed'],
  async handle({ query, caller }, context) {
    const { from = 1 } = query;
    const head = await context.auditAs(caller, async (tx) => {
      const last = await readCheckpoint(tx);
      const end = query.to === undefined || last === null || query.to >= last.size ? last : await readCheckpoint(tx, query.to);
      if (end === null || from > end.size) return refuse('not_sealed');
      return { to: end.size, subtrees: from > 1 ? await readSubtrees(tx, from - 1) : [] };
    });
    if (isRefusal(head)) return head;
    const header = { exequatur: 'audit-export', format: 1, tenant: caller.tenant, from, to: head.to, subtrees: head.subtrees };
    return { status: 200, mediaType: 'application/x-ndjson', stream: lines(header, caller, context) };
  },
});

async function* lines(header: { from: number; to: number }, caller: AuthenticatedCaller, context: ApiContext): AsyncGenerator<string> {
  yield `${JSON.stringify(header)}\n`;
  for (let next = header.from; next <= header.to; next += pageEntries) {
    const page = await context.auditAs(caller, (tx) => readEntries(tx, next, Math.min(header.to, next + pageEntries - 1)));
    if (isRefusal(page)) throw new Error('whoever exports is no longer allowed to'); // The answer breaks off, and lacks its last line.
    const notes = new Map(page.checkpoints.map(({ size, note }) => [size, note]));
    let text = '';
    for (const entry of page.entries) {
      text += `${JSON.stringify(entry)}\n`;
      const checkpoint = notes.get(entry.seq);
      if (checkpoint !== undefined) text += `${JSON.stringify({ checkpoint })}\n`;
    }
    yield text;
  }
  yield `${JSON.stringify({ end: header.to })}\n`;
}
