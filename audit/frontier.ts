import { emptyRoot, nodeHash } from './merkle.ts';

/** The tree over a log's first entries by what is needed to go on with it: hashes of the perfect trees that it is made of, largest first, one for each bit that is set in `size`. */
export interface Frontier {
  readonly size: number;
  readonly hashes: readonly Buffer[];
}

/** With so many leaves more. */
export function extended({ size, hashes }: Frontier, leaves: readonly Buffer[]): Frontier {
  const grown = [...hashes];
  let count = size;
  for (const leaf of leaves) {
    let hash = leaf;
    // Each bit that carries joins two trees of the same height.
    for (let carry = count; carry % 2 === 1; carry = Math.floor(carry / 2)) hash = nodeHash(grown.pop() as Buffer, hash);
    grown.push(hash);
    count++;
  }
  return { size: count, hashes: grown };
}

export function frontierRoot({ hashes }: Frontier): Buffer {
  return hashes.length === 0 ? emptyRoot : hashes.reduceRight((right, left) => nodeHash(left, right));
}
