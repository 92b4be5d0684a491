import { z } from 'zod';
import { route } from '../route.ts';
import { component } from '../schemas/components.ts';

const readinessSchema = component(
  'Readiness',
  z.strictObject({ database: z.enum(['ok', 'full', 'away']), temporal: z.enum(['ok', 'away']) }),
);

export const getReadiness = route({
  name: 'getReadiness',
  method: 'get',
  path: '/readyz',
  tag: 'operations',
  summary: 'Can it take requests?',
  description:
    'It can while the database answers and has room to write (`full` where not; what is only read is answered also then). Temporal being away does not count: proposals and reviews are taken, and the relay catches up.',
  permission: 'public',
  responses: { 200: { description: 'It can.', schema: readinessSchema }, 503: { description: 'It cannot.', schema: readinessSchema } },
  async handle(_input, { resources: { probe, workflows } }) {
    const [database, temporal] = await Promise.all([probe.state(), workflows.isReachable()]);
    return { status: database === 'ok' ? 200 : 503, body: { database, temporal: temporal ? 'ok' : 'away' } };
  },
});
