import { cancelMigration as storeCancellation } from '../../store/end-migration.ts';
import { answered } from '../api-context.ts';
import { presentMigration } from '../present-migration.ts';
import { route } from '../route.ts';
import { cancellationBody, migrationParams, migrationSchema } from '../schemas/migration-schema.ts';

export const cancelMigration = route({
  name: 'cancelMigration',
  method: 'post',
  path: '/v1/ontology/migrations/{migrationId}/cancel',
  tag: 'ontology',
  summary: 'Stop a migration and put the document before it in force again',
  description: 'Batches that were executed stay executed; each can be reverted as any proposal. The one that waits is withdrawn.',
  permission: 'ontology:put',
  request: { params: migrationParams, body: cancellationBody },
  responses: { 200: { description: 'The migration, cancelled.', schema: migrationSchema } },
  problems: ['not_found', 'migration_ended'],
  async handle({ params, body, caller }, context) {
    const wish = { ...params, ...body, by: caller };
    const outcome = await context.writeAs(caller, (tx) => storeCancellation(tx, wish, context.resources.deps));
    return answered(outcome, (migration) => ({ status: 200, body: presentMigration(caller.tenant, migration) }));
  },
});
