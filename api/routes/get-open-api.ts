import { route } from '../route.ts';

export const getOpenApi = route({
  name: 'getOpenApi',
  method: 'get',
  path: '/openapi.json',
  tag: 'operations',
  summary: 'This description',
  permission: 'public',
  responses: { 200: { description: 'OpenAPI 3.1.', mediaType: 'application/json' } },
  handle: (_input, { resources: { openApi } }) => ({ status: 200, body: openApi(), mediaType: 'application/json' }),
});
