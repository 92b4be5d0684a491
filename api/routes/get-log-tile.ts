import { answerTile } from '../answer-tile.ts';
import { route } from '../route.ts';
import { tileParams } from '../schemas/audit-schema.ts';

export const getLogTile = route({
  name: 'getLogTile',
  method: 'get',
  path: '/v1/audit/log/tile/{level}/{tile*}',
  tag: 'audit',
  summary: 'Read a tile of the audit log',
  description:
    'Hashes of the tree, or entries, 256 at a time, as C2SP’s tlog-tiles has them. Entries are without what they commit to, so this says nothing of who, and is no entry itself.',
  permission: 'audit:read',
  request: { params: tileParams },
  responses: { 200: { description: 'The tile, which never changes.', mediaType: 'application/octet-stream' } },
  problems: ['not_found'],
  handle: ({ params, caller }, context) => answerTile((work) => context.auditAs(caller, work), params),
});
