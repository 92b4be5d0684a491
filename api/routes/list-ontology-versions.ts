import { z } from 'zod';
import { listOntologyVersions as readVersions } from '../../store/ontology-versions.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { ontologyVersionsSchema } from '../schemas/ontology-schema.ts';
import { pageQuery } from '../schemas/page-schema.ts';

export const listOntologyVersions = route({
  name: 'listOntologyVersions',
  method: 'get',
  path: '/v1/ontology/versions',
  tag: 'ontology',
  summary: 'List the versions of the definitions, newest first',
  description: 'Every document that was accepted; each can be read with `GET /v1/ontology?version=`.',
  permission: 'read',
  request: { query: z.strictObject(pageQuery) },
  responses: { 200: { description: 'A page of versions.', schema: ontologyVersionsSchema } },
  problems: ['invalid_page_token'],
  async handle({ query, caller }, context) {
    return answered(await context.readAs(caller, (tx) => readVersions(tx, query)), (page) => ({ status: 200, body: page }));
  },
});
