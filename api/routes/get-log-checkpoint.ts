import { answerCheckpoint } from '../answer-tile.ts';
import { route } from '../route.ts';

export const getLogCheckpoint = route({
  name: 'getLogCheckpoint',
  method: 'get',
  path: '/v1/audit/log/checkpoint',
  tag: 'audit',
  summary: 'Read the checkpoint that tlog-tiles of the audit log are under',
  description:
    'The newest that witnesses cosigned; where none did, the newest. What is before the last segment of this address is the prefix that tools of C2SP’s tlog-tiles are given.',
  permission: 'audit:read',
  responses: { 200: { description: 'A signed note.', mediaType: 'text/plain' } },
  problems: ['not_sealed'],
  handle: ({ caller }, context) => answerCheckpoint((work) => context.auditAs(caller, work), context.resources.witnesses),
});
