import { listMigrations as readMigrations } from '../../store/migrations.ts';
import { answered } from '../api-context.ts';
import { presentMigration } from '../present-migration.ts';
import { route } from '../route.ts';
import { migrationsSchema } from '../schemas/migration-schema.ts';

export const listMigrations = route({
  name: 'listMigrations',
  method: 'get',
  path: '/v1/ontology/migrations',
  tag: 'ontology',
  summary: 'List the migrations: uploads that rewrite objects before they are in force',
  permission: 'read',
  responses: { 200: { description: 'The newest hundred.', schema: migrationsSchema } },
  async handle({ caller }, context) {
    const found = await context.readAs(caller, async (tx) => ({
      migrations: (await readMigrations(tx)).map((migration) => presentMigration(caller.tenant, migration)),
    }));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
