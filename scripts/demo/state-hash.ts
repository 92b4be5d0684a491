import pg from 'pg';

/**
 * One hash over all live objects, their properties, and all links of a tenant, computed by the database itself over the API's own login: what no REST call
 * could prove in one number.
 */
export async function stateHash(apiDatabaseUrl: string, tenant: string): Promise<string> {
  const client = new pg.Client({ connectionString: apiDatabaseUrl });
  await client.connect();
  try {
    await client.query('begin read only');
    await client.query("select set_config('app.tenant', $1, true)", [tenant]);
    const { rows } = await client.query<{ hash: string }>('select exequatur.state_hash() as hash');
    await client.query('commit');
    return rows[0]?.hash ?? '';
  } finally {
    await client.end();
  }
}
