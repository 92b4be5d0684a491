import { readCheckpoint, readWitnessedCheckpoint } from '../../store/read-log.ts';
import { refuse } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { checkpointSchema } from '../schemas/audit-schema.ts';

export const getSystemCheckpoint = route({
  name: 'getSystemCheckpoint',
  method: 'get',
  path: '/v1/system/audit/checkpoint',
  tag: 'audit',
  summary: 'Read the last checkpoint of the log of the installation',
  permission: 'installation:read',
  responses: { 200: { description: 'The checkpoint.', schema: checkpointSchema } },
  problems: ['not_sealed'],
  async handle({ caller }, context) {
    const found = await context.systemAs(caller, async (tx) => {
      const last = await readCheckpoint(tx, context.resources.witnesses);
      return last === null ? refuse('not_sealed') : { ...last, witnessed: await readWitnessedCheckpoint(tx, context.resources.witnesses) };
    });
    return answered(found, (checkpoint) => ({ status: 200, body: checkpoint }));
  },
});
