import { readCheckpoint } from '../../store/read-log.ts';
import { refuse } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { checkpointSchema } from '../schemas/audit-schema.ts';

export const getCheckpoint = route({
  name: 'getCheckpoint',
  method: 'get',
  path: '/v1/audit/checkpoint',
  tag: 'audit',
  summary: 'Read the last signed checkpoint of the audit log',
  description: 'Keep it elsewhere: whoever holds one notices when the log is rewritten.',
  permission: 'read',
  responses: { 200: { description: 'The checkpoint.', schema: checkpointSchema } },
  problems: ['not_sealed'],
  async handle({ caller }, context) {
    const found = await context.readAs(caller, async (tx) => (await readCheckpoint(tx)) ?? refuse('not_sealed'));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
