import { putOntology as storeOntology } from '../../store/put-ontology.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { acceptedOntologySchema, ontologyBody } from '../schemas/type-schema.ts';

export const putOntology = route({
  name: 'putOntology',
  method: 'put',
  path: '/v1/ontology',
  tag: 'ontology',
  summary: 'Replace the definitions',
  description: 'The whole document, checked as a whole and against the objects there are. The same document again changes nothing.',
  permission: 'ontology:put',
  request: { body: ontologyBody },
  responses: {
    200: { description: 'Accepted in place of an earlier one, or the current one already.', schema: acceptedOntologySchema },
    201: { description: 'Accepted as the tenant\u2019s first.', schema: acceptedOntologySchema },
  },
  problems: ['invalid_ontology', 'ontology_breaks_data'],
  async handle({ body, caller }, context) {
    const accepted = await context.writeAs(caller, (tx) => storeOntology(tx, body, caller, context.resources.deps));
    return answered(accepted, (ontology) => ({
      status: ontology.changed && ontology.version === 1 ? 201 : 200,
      body: ontology,
      headers: { etag: `"${ontology.digest}"` },
    }));
  },
});
