import { listIndexes as readIndexes } from '../../store/index-builds.ts';
import { indexBuildWorkflowId } from '../../workflows/index-build.contract.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { indexesSchema } from '../schemas/index-schema.ts';

export const listIndexes = route({
  name: 'listIndexes',
  method: 'get',
  path: '/v1/ontology/indexes',
  tag: 'ontology',
  summary: 'List the indexes, and how far those are that are being built or dropped',
  description: 'While an index is being built, queries give the same answers without it, only slower.',
  permission: 'read',
  responses: { 200: { description: 'By type and property.', schema: indexesSchema } },
  async handle({ caller }, context) {
    const found = await context.readAs(caller, async (tx) => ({
      indexes: (await readIndexes(tx)).map((index) => ({
        ...index,
        workflowId: index.startedAt === null ? null : indexBuildWorkflowId({ tenantId: caller.tenant, objectType: index.type }),
      })),
    }));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
