import { route } from '../route.ts';
import { exportQuery } from '../schemas/audit-schema.ts';
import { streamLog } from '../stream-log.ts';

export const exportAudit = route({
  name: 'exportAudit',
  method: 'get',
  path: '/v1/audit/export',
  tag: 'audit',
  summary: 'Export the audit log',
  description:
    'Lines of JSON: a header, the entries with what they commit to, and each checkpoint behind the entry that it ends at; the last line says that it is whole. `exequatur-verify` checks it offline. That it was exported is an entry.',
  permission: 'audit:read',
  request: { query: exportQuery },
  responses: { 200: { description: 'The export.', mediaType: 'application/x-ndjson' } },
  problems: ['not_sealed'],
  handle: ({ query, caller }, context) =>
    streamLog(query, {
      tenant: caller.tenant,
      witnesses: context.resources.witnesses,
      read: (work) => context.auditAs(caller, work),
      onExport: (tx, range) => void tx.audit({ type: 'audit.exported', facts: { ...range }, personal: { reader: caller.id } }),
    }),
});
