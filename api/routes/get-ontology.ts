import { readOntology } from '../../store/ontology-versions.ts';
import { refuse } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { ontologyBody, versionQuery } from '../schemas/ontology-schema.ts';

export const getOntology = route({
  name: 'getOntology',
  method: 'get',
  path: '/v1/ontology',
  tag: 'ontology',
  summary: 'Read the definitions',
  description: 'The document as PUT takes it: the one in force, or an earlier version.',
  permission: 'read',
  request: { query: versionQuery },
  responses: {
    200: {
      description: 'The document.',
      schema: ontologyBody,
      headers: {
        ETag: 'The document\u2019s digest, in quotes.',
        'Exequatur-Ontology-Version': 'Rises with each accepted document.',
        'Last-Modified': 'When it was accepted.',
      },
    },
  },
  problems: ['not_found'],
  async handle({ query, caller }, context) {
    const ontology = await context.readAs(caller, async (tx) => (await readOntology(tx, query.version)) ?? refuse('not_found'));
    return answered(ontology, ({ document, digest, version, createdAt }) => ({
      status: 200,
      body: document,
      headers: { etag: `"${digest}"`, 'exequatur-ontology-version': String(version), 'last-modified': new Date(createdAt).toUTCString() },
    }));
  },
});
