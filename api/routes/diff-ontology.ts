import { diffVersions } from '../../store/ontology-versions.ts';
import { refuse } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { diffQuery, ontologyDiffSchema } from '../schemas/ontology-schema.ts';

export const diffOntology = route({
  name: 'diffOntology',
  method: 'get',
  path: '/v1/ontology/diff',
  tag: 'ontology',
  summary: 'Compare two versions of the definitions',
  description: 'In either direction. What a document that is not stored would change is answered by `PUT /v1/ontology?dryRun=true`.',
  permission: 'read',
  request: { query: diffQuery },
  responses: { 200: { description: 'Every change between the two.', schema: ontologyDiffSchema } },
  problems: ['not_found'],
  async handle({ query, caller }, context) {
    const diff = await context.readAs(caller, async (tx) => (await diffVersions(tx, query.from, query.to)) ?? refuse('not_found'));
    return answered(diff, (body) => ({ status: 200, body }));
  },
});
