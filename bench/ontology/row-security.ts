import pg from 'pg';
import type { Stack } from '../../scripts/stack/start-stack.ts';
import { flightNumber } from './grow-network.ts';

const reads = 2_000;
const columns = "o.id, o.properties FROM exequatur.object o WHERE o.type = 'flight'";

/** Reads per second of the same two queries in each round: as the API's login under row-level security, and with the tenant named by one whom no policy holds. */
export interface RowSecurity {
  query: string;
  secured: number[];
  explicit: number[];
}

const queries = [
  { query: 'one object by its id', where: 'AND o.id = $1', rest: '', reads },
  {
    query: 'fifty objects in the order of their ids',
    where: 'AND o.id > $1 AND o.alive',
    rest: 'ORDER BY o.id LIMIT 50',
    reads: reads / 4,
  },
];

/**
 * The owner of the tables is held by their policies too (they are forced), so the explicit form is asked by the superuser, for whom PostgreSQL plans without them.
 * Prepared statements, one connection each, in turns.
 */
export async function measureRowSecurity(stack: Stack, tenant: string, rounds: number): Promise<RowSecurity[]> {
  const secured = new pg.Client({ connectionString: stack.postgresUrls.api });
  const explicit = new pg.Client({ connectionString: stack.postgresUrls.superuser });
  await Promise.all([secured.connect(), explicit.connect()]);
  try {
    await secured.query("SELECT set_config('app.tenant', $1, false)", [tenant]);
    const results: RowSecurity[] = [];
    for (const [at, { query, where, rest, reads: count }] of queries.entries()) {
      const own = { name: `secured-${at}`, text: `SELECT ${columns} ${where} ${rest}` };
      const named = { name: `explicit-${at}`, text: `SELECT ${columns} ${where} AND o.tenant_id = $2 ${rest}` };
      const result: RowSecurity = { query, secured: [], explicit: [] };
      const sides = [
        async () => result.secured.push(await rate(secured, own, [], count)),
        async () => result.explicit.push(await rate(explicit, named, [tenant], count)),
      ];
      for (const side of sides) await side(); // Not counted: the first five times a statement is planned anew.
      for (let round = 0; round < rounds * 2; round++) {
        for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side();
      }
      results.push({ query, secured: result.secured.slice(1), explicit: result.explicit.slice(1) });
    }
    return results;
  } finally {
    await Promise.all([secured.end(), explicit.end()]);
  }
}

async function rate(client: pg.Client, statement: { name: string; text: string }, more: string[], count: number): Promise<number> {
  const from = performance.now();
  for (let turn = 0; turn < count; turn++) {
    const { rowCount } = await client.query({ ...statement, values: [flightNumber(1 + ((turn * 7_919) % 5_000)), ...more] });
    if (rowCount === 0) throw new Error('a flight is not there');
  }
  return (count * 1_000) / (performance.now() - from);
}
