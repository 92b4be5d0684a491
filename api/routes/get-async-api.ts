import { asyncApiDocument } from '../async-api.ts';
import { route } from '../route.ts';

let text: string | undefined;

export const getAsyncApi = route({
  name: 'getAsyncApi',
  method: 'get',
  path: '/asyncapi.json',
  tag: 'operations',
  summary: 'Read what is told of events',
  permission: 'public',
  responses: { 200: { description: 'AsyncAPI 3.0.', mediaType: 'application/vnd.aai.asyncapi+json' } },
  handle() {
    text ??= JSON.stringify(asyncApiDocument());
    return { status: 200, body: text, mediaType: 'application/vnd.aai.asyncapi+json' };
  },
});
