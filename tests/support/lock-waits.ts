/**
 * Who waits for somebody else's lock in the database of this connection, whatever login asks: the process ids, each once.
 * `relation` (as PostgreSQL names it) and `kind` (`pg_locks.locktype`) leave out those that wait for another.
 */
export async function lockWaits(client: Queryable, { relation, kind }: { relation?: string; kind?: string } = {}): Promise<number[]> {
  await client.query('SELECT pg_stat_clear_snapshot()'); // Within a transaction the views would go on showing what they showed first.
  const { rows } = await client.query(
    `SELECT DISTINCT l.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE NOT l.granted AND a.datname = current_database()
        AND ($1::text IS NULL OR l.relation = to_regclass($1)) AND ($2::text IS NULL OR l.locktype = $2)`,
    [relation ?? null, kind ?? null],
  );
  return rows.map(({ pid }) => pid);
}

interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: { pid: number }[] }>;
}
