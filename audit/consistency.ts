import { emptyRoot, nodeHash } from './merkle.ts';

export interface Tree {
  size: number;
  root: Buffer;
}

/** Whether a proof shows that the leaves of the old tree are the first of the new one, as RFC 9162, 2.1.4.2, has it. Every tree begins with one without leaves. */
export function isConsistent(old: Tree, tree: Tree, proof: readonly Buffer[]): boolean {
  if (old.size > tree.size) return false;
  if (old.size === tree.size || old.size === 0)
    return proof.length === 0 && old.root.equals(old.size === 0 ? emptyRoot : tree.root) && (tree.size > 0 || tree.root.equals(emptyRoot));
  const [first, ...rest] = Number.isInteger(Math.log2(old.size)) ? [old.root, ...proof] : proof;
  if (first === undefined) return false;
  let [position, last] = [old.size - 1, tree.size - 1];
  while (position % 2 === 1) [position, last] = [half(position), half(last)];
  let [was, is] = [first, first];
  for (const hash of rest) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      [was, is] = [nodeHash(hash, was), nodeHash(hash, is)];
      while (position % 2 === 0 && position !== 0) [position, last] = [half(position), half(last)];
    } else is = nodeHash(is, hash);
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && was.equals(old.root) && is.equals(tree.root);
}

function half(position: number): number {
  return Math.floor(position / 2); // Shifts would cut it to 32 bits.
}
