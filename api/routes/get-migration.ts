import { viewMigration } from '../../store/migrations.ts';
import { refuse } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { presentMigration } from '../present-migration.ts';
import { route } from '../route.ts';
import { migrationParams, migrationSchema } from '../schemas/migration-schema.ts';

export const getMigration = route({
  name: 'getMigration',
  method: 'get',
  path: '/v1/ontology/migrations/{migrationId}',
  tag: 'ontology',
  summary: 'How far a migration is',
  permission: 'read',
  request: { params: migrationParams },
  responses: { 200: { description: 'The migration.', schema: migrationSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const found = await context.readAs(caller, async (tx) => (await viewMigration(tx, params.migrationId)) ?? refuse('not_found'));
    return answered(found, (migration) => ({ status: 200, body: presentMigration(caller.tenant, migration) }));
  },
});
