import { unfinishedIndexes } from '../../store/index-builds.ts';
import { putOntology as storeOntology } from '../../store/put-ontology.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { ontologyBody, ontologyOutcomeSchema, uploadHeaders, uploadQuery } from '../schemas/ontology-schema.ts';

export const putOntology = route({
  name: 'putOntology',
  method: 'put',
  path: '/v1/ontology',
  tag: 'ontology',
  summary: 'Replace the definitions',
  description:
    'The whole document, checked as a whole and against the objects there are. The same document again changes nothing. The answer says what differs from the version in force.',
  permission: 'ontology:put',
  request: { query: uploadQuery, headers: uploadHeaders, body: ontologyBody },
  responses: {
    200: {
      description: 'Accepted in place of an earlier one, or the one in force already; or what a dry run found.',
      schema: ontologyOutcomeSchema,
    },
    202: {
      description:
        'Objects do not fit yet, and the document\u2019s `migrations` make them fit: a workflow does that, batch by batch, and puts the document in force.',
      schema: ontologyOutcomeSchema,
    },
    201: { description: 'Accepted as the tenant\u2019s first.', schema: ontologyOutcomeSchema },
  },
  problems: ['invalid_ontology', 'invalid_policies', 'ontology_breaks_data', 'stale_ontology', 'migration_open'],
  async handle({ query, headers, body, caller }, context) {
    const wishes = {
      ...(query.dryRun === undefined ? {} : { dryRun: query.dryRun }),
      ...(headers.ifMatch === undefined ? {} : { inForce: headers.ifMatch }),
    };
    const [outcome, unfinished] = await context.writeAs(caller, async (tx) => {
      const stored = await storeOntology(tx, body, caller, context.resources.deps, wishes);
      return [stored, isRefusal(stored) || stored.dryRun ? [] : await unfinishedIndexes(tx)] as const;
    });
    context.buildIndexes(caller, unfinished);
    const migrationId = isRefusal(outcome) ? null : (outcome.migration?.id ?? null);
    if (migrationId !== null) {
      context.migrate(caller, migrationId);
      return answered(outcome, (body) => ({ status: 202, body, headers: { location: `/v1/ontology/migrations/${migrationId}` } }));
    }
    return answered(outcome, (ontology) => ({
      status: ontology.changed && ontology.version === 1 && !ontology.dryRun ? 201 : 200,
      body: ontology,
      headers: ontology.dryRun ? {} : { etag: `"${ontology.digest}"` },
    }));
  },
});
