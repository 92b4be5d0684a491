import { readOntology } from '../../store/load-ontology.ts';
import { refuse } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { ontologyBody } from '../schemas/type-schema.ts';

export const getOntology = route({
  name: 'getOntology',
  method: 'get',
  path: '/v1/ontology',
  tag: 'ontology',
  summary: 'Read the definitions',
  description: 'The document as PUT takes it.',
  permission: 'read',
  responses: {
    200: {
      description: 'The current document.',
      schema: ontologyBody,
      headers: {
        ETag: 'The document\u2019s digest, in quotes.',
        'Exequatur-Ontology-Version': 'Rises with each accepted document.',
        'Last-Modified': 'When it was accepted.',
      },
    },
  },
  problems: ['not_found'],
  async handle({ caller }, context) {
    const ontology = await context.readAs(caller, async (tx) => (await readOntology(tx)) ?? refuse('not_found'));
    return answered(ontology, ({ document, digest, version, createdAt }) => ({
      status: 200,
      body: document,
      headers: { etag: `"${digest}"`, 'exequatur-ontology-version': String(version), 'last-modified': new Date(createdAt).toUTCString() },
    }));
  },
});
