import type { BenchStack } from './bench-stack.ts';
import { approve, propose } from './propose.ts';

const batchSize = 10_000;
const padding = 'x'.repeat(40); // So that an object is as wide as a small business object, about 150 bytes of JSON.

export const groupOf = (size: number): string => `group-of-${size}`;

/** Creates `size` items for each size, in a group of their own, through plans; and the same rows in the tables of the bare update. */
export async function loadItems(stack: BenchStack, sizes: readonly number[]): Promise<void> {
  for (const size of sizes) {
    for (let from = 0; from < size; from += batchSize) {
      const items = Array.from({ length: Math.min(batchSize, size - from) }, (_, offset) => ({
        code: `${size}-${String(from + offset).padStart(6, '0')}`,
        group: groupOf(size),
        value: from + offset,
        note: padding,
      }));
      const proposalId = await propose(stack, 'load', { items });
      await approve(stack, proposalId);
      const { status } = await stack.execute(proposalId);
      if (status !== 'executed') throw new Error(`a batch of items ended as ${status}`);
    }
  }
  await stack.superuser.query(`
    CREATE SCHEMA bench;
    CREATE TABLE bench.object (LIKE exequatur.object INCLUDING ALL);
    CREATE TABLE bench.object_index (LIKE exequatur.object_index INCLUDING ALL);
    INSERT INTO bench.object SELECT * FROM exequatur.object;
    INSERT INTO bench.object_index SELECT * FROM exequatur.object_index;
  `);
  await stack.superuser.query('VACUUM ANALYZE');
}
