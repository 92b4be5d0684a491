import { expect, it } from 'vitest';
import { leafHash, rootOf, StoredTiles, tileWidth } from './merkle.ts';
import { TileMemory } from './tile-memory.ts';

const numbered = (count: number, name = 'leaf') => Array.from({ length: count }, (_, at) => leafHash(Buffer.from(`${name} ${at}`)));

/** A log as a sealer finds it, with which of its full tiles were read. */
function logOf(leaves: readonly Buffer[], memory?: TileMemory) {
  const read: string[] = [];
  const sealed = leaves.length - (leaves.length % tileWidth);
  const tiles = new StoredTiles(
    async (level, tile) => {
      read.push(`${level}/${tile}`);
      return level === 0 && (tile + 1) * tileWidth <= sealed ? Buffer.concat(leaves.slice(tile * tileWidth, (tile + 1) * tileWidth)) : null;
    },
    async (from, to) => leaves.slice(from, to),
    memory?.of('log', sealed),
  );
  return { read, root: () => rootOf(tiles, leaves.length) };
}

it('a log that has grown is hashed from the tiles that are new', async () => {
  const memory = new TileMemory();
  const leaves = numbered(9 * tileWidth + 5);
  const first = logOf(leaves.slice(0, 7 * tileWidth + 3), memory);
  expect(await first.root()).toEqual(await logOf(leaves.slice(0, 7 * tileWidth + 3)).root());
  expect(first.read).toContain('0/0');
  const grown = logOf(leaves, memory);
  expect(await grown.root()).toEqual(await logOf(leaves).root());
  expect(grown.read.filter((tile) => tile.startsWith('0/'))).toEqual(['0/7', '0/8']);
});

it('what is remembered of a log that is another now makes another root, until it is forgotten', async () => {
  const memory = new TileMemory();
  await logOf(numbered(4 * tileWidth + 1, 'before'), memory).root();
  const leaves = numbered(4 * tileWidth + 1, 'after');
  const right = await logOf(leaves).root();
  expect(await logOf(leaves, memory).root()).not.toEqual(right);
  expect(memory.forget('log')).toBe(true);
  expect(memory.forget('log')).toBe(false);
  expect(await logOf(leaves, memory).root()).toEqual(right);
});

it('of a log that is shorter now nothing is remembered beyond its checkpoint', async () => {
  const memory = new TileMemory();
  const root = leafHash(Buffer.of(1));
  memory.of('log', 2 * tileWidth).set(0, 1, root);
  memory.of('log', 2 * tileWidth).set(0, 2, root);
  expect(memory.of('log', 2 * tileWidth).get(0, 1)).toEqual(root);
  expect(memory.of('log', 2 * tileWidth - 1).get(0, 1)).toBeUndefined();
  expect(memory.of('log', 9 * tileWidth).get(0, 2)).toBeUndefined();
  expect(memory.of('another log', 9 * tileWidth).get(0, 1)).toBeUndefined();
});
