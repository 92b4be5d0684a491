import { describe, expect, it } from 'vitest';
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  nodeHash,
  perfectRoot,
  rangeHashes,
  rootOf,
  StoredTiles,
  splitHashes,
  tileWidth,
} from './merkle.ts';

/** Of the test data that certificate transparency's implementations share. */
const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** With the full tiles of `sealed` leaves stored, as a sealer would have. */
function treeOf(leaves: readonly Buffer[], sealed = 0): StoredTiles {
  const bare = new StoredTiles(
    async () => null,
    async (from, to) => leaves.slice(from, to),
  );
  return new StoredTiles(
    async (level, tile) => {
      const isStored = (tile + 1) * tileWidth ** (level + 1) <= sealed;
      return isStored ? Buffer.concat(await bare.hashes(level, tile, tileWidth)) : null;
    },
    async (from, to) => leaves.slice(from, to),
  );
}

const numbered = (count: number) => Array.from({ length: count }, (_, at) => leafHash(Buffer.from(`leaf ${at}`)));

/** The definition of RFC 6962, 2.1, word for word. */
function rootByDefinition(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0] as Buffer;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(rootByDefinition(leaves.slice(0, split)), rootByDefinition(leaves.slice(split)));
}

describe('a tree of hashes', () => {
  it.each(roots.map((root, at) => [at + 1, root] as const))(
    'over the first %i inputs has the root that others found',
    async (size, root) => {
      const leaves = inputs.map((input) => leafHash(Buffer.from(input, 'hex')));
      expect((await rootOf(treeOf(leaves), size)).toString('hex')).toBe(root);
    },
  );

  it.each([1, 2, 3, 255, 256, 257, 511, 512, 513, 1_000, 65_537])(
    'of %i leaves is that of the definition, from tiles and without',
    async (size) => {
      const leaves = numbered(size);
      const expected = rootByDefinition(leaves);
      expect(await rootOf(treeOf(leaves), size)).toEqual(expected);
      expect(await rootOf(treeOf(leaves, size), size)).toEqual(expected);
      const range = await rangeHashes(treeOf(leaves, size), size);
      expect(range.reduceRight((right, left) => nodeHash(left, right))).toEqual(expected);
    },
  );

  it('proves of each leaf that it is in it', async () => {
    for (const size of [1, 2, 3, 7, 8, 300, 700]) {
      const leaves = numbered(size);
      const root = rootByDefinition(leaves);
      for (let index = 0; index < size; index += size < 10 ? 1 : 37) {
        const proof = await inclusionProof(treeOf(leaves, 256), index, size);
        expect(byInclusion(leaves[index] as Buffer, index, size, proof)).toEqual(root);
      }
    }
  });

  it('proves that it begins as it did', async () => {
    for (const size of [1, 2, 6, 7, 8, 300, 600]) {
      const leaves = numbered(size);
      for (let old = 1; old <= size; old += size < 10 ? 1 : 29) {
        const proof = await consistencyProof(treeOf(leaves, 512), old, size);
        const [was, is] = byConsistency(old, size, rootByDefinition(leaves.slice(0, old)), proof);
        expect([was, is]).toEqual([rootByDefinition(leaves.slice(0, old)), rootByDefinition(leaves)]);
      }
    }
  });

  it('reads hashes as they were written', () => {
    const hashes = numbered(4);
    expect(splitHashes(Buffer.concat(hashes))).toEqual(hashes);
    expect(perfectRoot(hashes)).toEqual(rootByDefinition(hashes));
  });
});

/** The root that a leaf and its proof come to: RFC 9162, 2.1.3.2. */
function byInclusion(leaf: Buffer, index: number, size: number, proof: readonly Buffer[]): Buffer {
  let [position, last, hash] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (position % 2 === 1 || position === last) {
      hash = nodeHash(sibling, hash);
      while (position % 2 === 0 && position !== 0) [position, last] = [position / 2, Math.floor(last / 2)];
    } else hash = nodeHash(hash, sibling);
    [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
  }
  expect(last).toBe(0);
  return hash;
}

/** Both roots that a proof comes to: RFC 9162, 2.1.4.2. */
function byConsistency(old: number, size: number, oldRoot: Buffer, proof: readonly Buffer[]): [Buffer, Buffer] {
  if (old === size) return [oldRoot, oldRoot];
  const path = Number.isInteger(Math.log2(old)) ? [oldRoot, ...proof] : [...proof];
  let [position, last] = [old - 1, size - 1];
  while (position % 2 === 1) [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
  let [was, is] = [path[0] as Buffer, path[0] as Buffer];
  for (const hash of path.slice(1)) {
    if (position % 2 === 1 || position === last) {
      [was, is] = [nodeHash(hash, was), nodeHash(hash, is)];
      while (position % 2 === 0 && position !== 0) [position, last] = [position / 2, Math.floor(last / 2)];
    } else is = nodeHash(is, hash);
    [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
  }
  return [was, is];
}
