import pg from 'pg';
import { z } from 'zod';
import { migrate } from './migrate.ts';

/** The migrator's process, for deployments: brings the database to the newest schema, sets the run-time logins' passwords, makes the tenants it is told of, and ends. */
const password = z.string().min(1);
const tenants = z.array(z.object({ slug: z.string(), name: z.string() }));

const settings = z
  .object({
    DATABASE_URL: z.string().min(1),
    EXEQUATUR_API_PASSWORD: password,
    EXEQUATUR_WORKER_PASSWORD: password,
    EXEQUATUR_RELAY_PASSWORD: password,
    EXEQUATUR_TENANTS: z.string().default('[]'),
  })
  .parse(process.env);

const { applied } = await migrate({
  url: settings.DATABASE_URL,
  passwords: { api: settings.EXEQUATUR_API_PASSWORD, worker: settings.EXEQUATUR_WORKER_PASSWORD, relay: settings.EXEQUATUR_RELAY_PASSWORD },
});
console.log(applied.length === 0 ? 'the schema is up to date' : `applied ${applied.join(', ')}`);

const client = new pg.Client({ connectionString: settings.DATABASE_URL });
await client.connect();
try {
  for (const { slug, name } of tenants.parse(JSON.parse(settings.EXEQUATUR_TENANTS))) {
    const { rows } = await client.query<{ id: string }>('SELECT exequatur.ensure_tenant($1, $2) AS id', [slug, name]);
    console.log(`tenant ${slug} is ${rows[0]?.id}`);
  }
} finally {
  await client.end();
}
