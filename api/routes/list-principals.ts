import { z } from 'zod';
import { listPrincipals as readPrincipals } from '../../store/read-principal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { pageQuery } from '../schemas/page-schema.ts';
import { principalFilter, principalPageSchema } from '../schemas/principal-schema.ts';

export const listPrincipals = route({
  name: 'listPrincipals',
  method: 'get',
  path: '/v1/principals',
  tag: 'principals',
  summary: 'List principals, by id',
  permission: 'read',
  request: { query: z.strictObject({ ...principalFilter, ...pageQuery }) },
  responses: { 200: { description: 'A page of principals.', schema: principalPageSchema } },
  problems: ['invalid_page_token'],
  async handle({ query, caller }, context) {
    const page = await context.readAs(caller, (tx) => readPrincipals(tx, query));
    return answered(page, (body) => ({ status: 200, body }));
  },
});
