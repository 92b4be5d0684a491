import type { Sql } from './sql.ts';

/** One hash over all live objects, their links and properties, but not their versions: what proves that a revert restored the state to the byte. */
export async function stateHash(tx: Sql): Promise<string> {
  const [row] = await tx.rows<{ hash: string }>('SELECT exequatur.state_hash() AS hash');
  if (row === undefined) throw new Error('the state has no hash');
  return row.hash;
}
