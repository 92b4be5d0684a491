import { docsPage } from '../docs-page.ts';
import { route } from '../route.ts';

export const getDocs = route({
  name: 'getDocs',
  method: 'get',
  path: '/docs',
  tag: 'operations',
  summary: 'A page to read and try the API in a browser',
  permission: 'public',
  responses: { 200: { description: 'The page.', mediaType: 'text/html' } },
  handle: () => ({ status: 200, body: docsPage, mediaType: 'text/html' }),
});
