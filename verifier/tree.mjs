// The Merkle tree of RFC 6962.
import { sha256 } from './formats.mjs';

export const leafHash = (data) => sha256(Buffer.of(0), data);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);

/** A tree that grows leaf by leaf, kept as the perfect trees that it is made of. */
export class Tree {
  constructor(size = 0, hashes = []) {
    this.size = size;
    this.hashes = [...hashes];
  }

  add(leaf) {
    let hash = leaf;
    for (let rest = this.size; rest % 2 === 1; rest = (rest - 1) / 2) hash = nodeHash(this.hashes.pop(), hash);
    this.hashes.push(hash);
    this.size++;
  }

  get root() {
    return this.hashes.length === 0 ? sha256() : this.hashes.reduceRight((right, left) => nodeHash(left, right));
  }
}

/** The root that a leaf comes to by its proof, after RFC 9162, 2.1.3.2; null where there is no such leaf, or the proof has another length than it must. */
export function rootByInclusion(leaf, index, size, proof) {
  if (index >= size) return null;
  let [position, last, hash] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) return null;
    if (position % 2 === 1 || position === last) {
      hash = nodeHash(sibling, hash);
      while (position % 2 === 0 && position !== 0) [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
    } else hash = nodeHash(hash, sibling);
    [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hash : null;
}
