import pg from 'pg';
import { expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.ts';

const heading = `-- Every function of the schema as it is after all migrations, for reading: nothing runs this file.
-- tests/database/functions.test.ts compares it, and \`npx vitest run tests/database/functions.test.ts -u\` writes it.`;

it('what the database does stands in prisma/functions.sql as it is after all migrations', async () => {
  const database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.urls.superuser });
  await client.connect();
  try {
    // clock() is another in tests, so that they can move it.
    const { rows } = await client.query<{ owner: string; text: string }>(
      `SELECT pg_get_userbyid(p.proowner) AS owner, pg_get_functiondef(p.oid) AS text FROM pg_proc p
        WHERE p.pronamespace = 'exequatur'::regnamespace AND p.prokind IN ('f', 'p') AND p.proname <> 'clock'
        ORDER BY p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C"`,
    );
    const functions = rows.map(({ owner, text }) =>
      `-- Owned by ${owner}.\n${text.trimEnd()};\n`.replaceAll(`${database.rolePrefix}_`, 'exequatur_'),
    );
    await expect([`${heading}\n`, ...functions].join('\n')).toMatchFileSnapshot('../../prisma/functions.sql');
  } finally {
    await client.end();
    await database.drop();
  }
});
