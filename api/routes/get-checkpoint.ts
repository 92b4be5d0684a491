import { readCheckpoint, readWitnessedCheckpoint } from '../../store/read-log.ts';
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
  description:
    'Keep it elsewhere: whoever holds one notices when the log is rewritten. A new one is cosigned a moment later; `witnessed` is the last that was, up to which an export holds for whoever asks for cosignatures.',
  permission: 'read',
  responses: { 200: { description: 'The checkpoint.', schema: checkpointSchema } },
  problems: ['not_sealed'],
  async handle({ caller }, context) {
    const found = await context.readAs(caller, async (tx) => {
      const last = await readCheckpoint(tx, context.resources.witnesses);
      return last === null ? refuse('not_sealed') : { ...last, witnessed: await readWitnessedCheckpoint(tx, context.resources.witnesses) };
    });
    return answered(found, (body) => ({ status: 200, body }));
  },
});
