import { route } from '../route.ts';

export const getLiveness = route({
  name: 'getLiveness',
  method: 'get',
  path: '/livez',
  tag: 'operations',
  summary: 'Does the process answer at all?',
  description: 'Looks at nothing else, so that an outage of the database does not make an orchestrator restart what is well.',
  permission: 'public',
  responses: { 200: { description: 'It does.', mediaType: 'text/plain' } },
  handle: () => ({ status: 200, body: 'ok\n', mediaType: 'text/plain' }),
});
