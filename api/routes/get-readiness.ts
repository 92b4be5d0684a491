import { z } from 'zod';
import { route } from '../route.ts';
import { component } from '../schemas/components.ts';

const state = z.enum(['ok', 'away']);
const readinessSchema = component(
  'Readiness',
  z.strictObject({
    database: z.enum(['ok', 'full', 'away']),
    temporal: state,
    policies: state
      .exactOptional()
      .describe('Where policies are asked of another process; while it is away all that they decide on is refused.'),
  }),
);

export const getReadiness = route({
  name: 'getReadiness',
  method: 'get',
  path: '/readyz',
  tag: 'operations',
  summary: 'Can it take requests?',
  description:
    'It can while the database answers and has room to write (`full` where not; what is only read is answered also then). Temporal being away does not count: proposals and reviews are taken, and the relay catches up. Nor does an engine for policies that is away: reads and switches do without it.',
  permission: 'public',
  responses: { 200: { description: 'It can.', schema: readinessSchema }, 503: { description: 'It cannot.', schema: readinessSchema } },
  async handle(_input, { resources: { probe, workflows, deps } }) {
    const engine = deps.policies.of.isThere?.();
    const [database, temporal, policies] = await Promise.all([probe.state(), workflows.isReachable(), engine]);
    const tell = (isThere: boolean) => (isThere ? ('ok' as const) : ('away' as const));
    const body = { database, temporal: tell(temporal), ...(policies === undefined ? {} : { policies: tell(policies) }) };
    return { status: database === 'ok' ? 200 : 503, body };
  },
});
