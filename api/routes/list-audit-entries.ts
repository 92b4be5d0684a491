import { listEntries } from '../../store/list-entries.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { auditEntryPageSchema, entriesQuery } from '../schemas/audit-schema.ts';

export const listAuditEntries = route({
  name: 'listAuditEntries',
  method: 'get',
  path: '/v1/audit/entries',
  tag: 'audit',
  summary: 'List entries of the audit log, oldest first',
  description:
    'As an export has them, as far as the last checkpoint goes, for looking at; what is verified is an export. Pages of large entries are shorter than asked for. That a page was read is an entry, as that of an export.',
  permission: 'audit:read',
  request: { query: entriesQuery },
  responses: { 200: { description: 'A page of entries.', schema: auditEntryPageSchema } },
  problems: ['not_sealed', 'invalid_page_token'],
  async handle({ query, caller }, context) {
    const found = await context.auditAs(caller, async (tx) => {
      const page = await listEntries(tx, query);
      if (isRefusal(page)) return page;
      const [first, last] = [page.entries[0], page.entries.at(-1)];
      if (first !== undefined && last !== undefined)
        tx.audit({ type: 'audit.exported', facts: { from: first.seq, to: last.seq }, personal: { reader: caller.id } });
      return page;
    });
    return answered(found, (body) => ({ status: 200, body }));
  },
});
