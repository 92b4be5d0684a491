import { ontologyJsonSchema } from '../../ontology/definition-schema.ts';
import { route } from '../route.ts';

let text: string | undefined;

export const getOntologySchema = route({
  name: 'getOntologySchema',
  method: 'get',
  path: '/schemas/ontology.json',
  tag: 'ontology',
  summary: 'JSON Schema of the ontology document',
  permission: 'public',
  responses: { 200: { description: 'JSON Schema (2020-12).', mediaType: 'application/schema+json' } },
  handle() {
    text ??= JSON.stringify(ontologyJsonSchema());
    return { status: 200, body: text, mediaType: 'application/schema+json' };
  },
});
