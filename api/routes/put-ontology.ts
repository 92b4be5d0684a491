import { putOntology as storeOntology } from '../../store/put-ontology.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answerSetting } from '../answer-setting.ts';
import { route } from '../route.ts';
import { ontologyBody, ontologyOutcomeSchema, uploadHeaders, uploadQuery } from '../schemas/ontology-schema.ts';

export const putOntology = route({
  name: 'putOntology',
  method: 'put',
  path: '/v1/ontology',
  tag: 'ontology',
  summary: 'Replace the definitions',
  description:
    'The whole document, checked as a whole and against the objects there are. The first is in force at once. A later one becomes a proposal: one that only tightens is executed without anybody else, and one that lets more happen takes the approval of another person. The same document again changes nothing.',
  permission: 'ontology:put',
  request: { query: uploadQuery, headers: uploadHeaders, body: ontologyBody },
  responses: {
    200: { description: 'In force; or what a dry run found.', schema: ontologyOutcomeSchema },
    201: { description: 'Accepted as the tenant\u2019s first.', schema: ontologyOutcomeSchema },
    202: {
      description: 'Proposed: it is in force once the proposal is executed, and where `migration` is given once its objects are rewritten.',
      schema: ontologyOutcomeSchema,
      headers: { Location: 'Address of the proposal.' },
    },
  },
  problems: ['invalid_ontology', 'invalid_policies', 'ontology_breaks_data', 'stale_ontology', 'migration_open', 'switched_off'],
  async handle({ query, headers, body, caller }, context) {
    const wishes = { ...query, ...(headers.ifMatch === undefined ? {} : { inForce: headers.ifMatch }) };
    const outcome = await context.writeAs(caller, (tx) => storeOntology(tx, body, caller, context.resources.deps, wishes));
    if (isRefusal(outcome)) return outcome;
    const answer = await answerSetting('ontology', outcome, caller, context);
    const isFirst = outcome.changed && outcome.proposalId === null && !outcome.dryRun;
    const isInForce = !outcome.dryRun && answer.status === 200;
    return {
      ...answer,
      status: isFirst ? 201 : answer.status,
      headers: { ...answer.headers, ...(isInForce && outcome.migration === null ? { etag: `"${outcome.digest}"` } : {}) },
    };
  },
});
