import { appendSystemLast } from '../../store/system-chain.ts';
import { route } from '../route.ts';
import { exportQuery } from '../schemas/audit-schema.ts';
import { streamLog } from '../stream-log.ts';

export const exportSystemAudit = route({
  name: 'exportSystemAudit',
  method: 'get',
  path: '/v1/system/audit/export',
  tag: 'audit',
  summary: 'Export the log of the installation',
  description:
    'Failed logins, which no tenant can be trusted for. For operators of the installation, whose tokens are for an audience of their own; in the format of `/v1/audit/export`.',
  permission: 'installation:read',
  request: { query: exportQuery },
  responses: { 200: { description: 'The export.', mediaType: 'application/x-ndjson' } },
  problems: ['not_sealed'],
  handle: ({ query, caller }, context) =>
    streamLog(query, {
      tenant: caller.tenant,
      witnesses: context.resources.witnesses,
      read: (work) => context.systemAs(caller, work),
      onExport: (tx, range) => appendSystemLast(tx, [{ type: 'audit.exported', facts: { ...range }, personal: { reader: caller.id } }]),
    }),
});
