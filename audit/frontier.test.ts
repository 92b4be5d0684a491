import { expect, it } from 'vitest';
import { extended, type Frontier, frontierRoot } from './frontier.ts';
import { leafHash, rangeHashes, rootOf, StoredTiles } from './merkle.ts';

const leaves = Array.from({ length: 700 }, (_, at) => leafHash(Buffer.from(`entry ${at}`)));
const tree = new StoredTiles(
  async () => null,
  async (from, to) => leaves.slice(from, to),
);

it('a tree that is gone on with has the root of the whole, wherever it is taken up', async () => {
  for (const from of [0, 1, 2, 3, 7, 255, 256, 257, 511, 512]) {
    let frontier: Frontier = { size: from, hashes: await rangeHashes(tree, from) };
    expect(frontierRoot(frontier)).toEqual(await rootOf(tree, from));
    for (const size of [from + 1, from + 2, from + 5, from + 60, from + 188]) {
      frontier = extended(frontier, leaves.slice(frontier.size, size));
      expect(frontier).toEqual({ size, hashes: await rangeHashes(tree, size) });
      expect(frontierRoot(frontier)).toEqual(await rootOf(tree, size));
    }
  }
});
