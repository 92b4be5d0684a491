import { route } from '../route.ts';

export const getMetrics = route({
  name: 'getMetrics',
  method: 'get',
  path: '/metrics',
  tag: 'operations',
  summary: 'Metrics in Prometheus form',
  permission: 'public',
  responses: { 200: { description: 'The metrics of this process.', mediaType: 'text/plain' } },
  async handle(_input, { resources: { registry } }) {
    return { status: 200, body: await registry.metrics(), mediaType: registry.contentType };
  },
});
