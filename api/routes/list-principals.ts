import { z } from 'zod';
import { listPrincipals as readPrincipals } from '../../store/read-principal.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { auditPrincipals } from '../directory-reads.ts';
import { route } from '../route.ts';
import { pageQuery } from '../schemas/page-schema.ts';
import { principalFilter, principalPageSchema } from '../schemas/principal-schema.ts';

export const listPrincipals = route({
  name: 'listPrincipals',
  method: 'get',
  path: '/v1/principals',
  tag: 'principals',
  summary: 'List principals, by id',
  description: 'That somebody read this of others is an entry of the audit log, one for each page.',
  permission: 'read',
  request: { query: z.strictObject({ ...principalFilter, ...pageQuery }) },
  responses: { 200: { description: 'A page of principals.', schema: principalPageSchema } },
  problems: ['invalid_page_token'],
  async handle({ query, caller }, context) {
    const page = await context.readAs(caller, async (tx, actor) => {
      const found = await readPrincipals(tx, query);
      if (!isRefusal(found)) auditPrincipals(tx, actor, found.principals);
      return found;
    });
    return answered(page, (body) => ({ status: 200, body }));
  },
});
