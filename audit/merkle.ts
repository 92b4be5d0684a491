// The Merkle tree of RFC 6962, over hashes that are kept in tiles of 256 as C2SP's tlog-tiles has them.
import { createHash } from 'node:crypto';

export const hashBytes = 32;
export const tileWidth = 256;
const tileHeight = 8;

export function leafHash(data: Uint8Array): Buffer {
  return createHash('sha256').update(Buffer.of(0)).update(data).digest();
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(Buffer.of(1)).update(left).update(right).digest();
}

/** The hash of a tree without leaves. */
export const emptyRoot = createHash('sha256').digest();

/** Where hashes come from: of a tile the first `width`. Level 0 are leaves; a hash of level n + 1 is the root of a full tile of level n. */
export interface TileReader {
  hashes(level: number, tile: number, width: number): Promise<readonly Buffer[]>;
}

/** The root of the first `size` leaves. */
export function rootOf(tiles: TileReader, size: number): Promise<Buffer> {
  return size === 0 ? Promise.resolve(emptyRoot) : rangeHash(tiles, size, 0, size);
}

/** That leaf `index` (from 0) is among the first `size`: hashes from the leaf upwards. */
export async function inclusionProof(tiles: TileReader, index: number, size: number): Promise<Buffer[]> {
  const path = async (start: number, end: number): Promise<Buffer[]> => {
    if (end - start === 1) return [];
    const split = start + splitOf(end - start);
    return index < split
      ? [...(await path(start, split)), await rangeHash(tiles, size, split, end)]
      : [...(await path(split, end)), await rangeHash(tiles, size, start, split)];
  };
  return path(0, size);
}

/** That the first `old` leaves of the first `size` are what they were. */
export async function consistencyProof(tiles: TileReader, old: number, size: number): Promise<Buffer[]> {
  const proof = async (start: number, end: number, isWhole: boolean): Promise<Buffer[]> => {
    if (old === end) return isWhole ? [] : [await rangeHash(tiles, size, start, end)];
    const split = start + splitOf(end - start);
    return old <= split
      ? [...(await proof(start, split, isWhole)), await rangeHash(tiles, size, split, end)]
      : [...(await proof(split, end, false)), await rangeHash(tiles, size, start, split)];
  };
  return old === 0 || old === size ? [] : proof(0, size, true);
}

/** Hashes of the perfect trees that the first `count` leaves are made of, largest first. */
export async function rangeHashes(tiles: TileReader, count: number): Promise<Buffer[]> {
  const hashes: Buffer[] = [];
  for (let start = 0; start < count; ) {
    const height = Math.floor(Math.log2(count - start));
    hashes.push(await alignedHash(tiles, count, start, height));
    start += 2 ** height;
  }
  return hashes;
}

/** The largest power of two below a count of at least 2. */
function splitOf(count: number): number {
  return 2 ** Math.ceil(Math.log2(count) - 1);
}

/** The hash of leaves `start` to `end`, in a tree of `size`. */
async function rangeHash(tiles: TileReader, size: number, start: number, end: number): Promise<Buffer> {
  const count = end - start;
  if (Number.isInteger(Math.log2(count)) && start % count === 0) return alignedHash(tiles, size, start, Math.log2(count));
  const split = start + splitOf(count);
  return nodeHash(await rangeHash(tiles, size, start, split), await rangeHash(tiles, size, split, end));
}

async function alignedHash(tiles: TileReader, size: number, start: number, height: number): Promise<Buffer> {
  const level = Math.floor(height / tileHeight);
  const first = start / tileWidth ** level;
  const tile = Math.floor(first / tileWidth);
  const width = Math.min(tileWidth, Math.floor(size / tileWidth ** level) - tile * tileWidth);
  const hashes = await tiles.hashes(level, tile, width);
  const from = first % tileWidth;
  return perfectRoot(hashes.slice(from, from + 2 ** (height % tileHeight)));
}

/** The root of a power of two of hashes. */
export function perfectRoot(hashes: readonly Buffer[]): Buffer {
  let row = [...hashes];
  while (row.length > 1) {
    const above: Buffer[] = [];
    for (let at = 0; at < row.length; at += 2) above.push(nodeHash(row[at] as Buffer, row[at + 1] as Buffer));
    row = above;
  }
  if (row[0] === undefined) throw new Error('a tile has fewer hashes than the tree needs of it');
  return row[0];
}

/** Roots of full tiles that were read before. */
export interface TileRoots {
  get(level: number, tile: number): Buffer | undefined;
  set(level: number, tile: number, root: Buffer): void;
}

/**
 * Tiles of one tree: full ones as they are stored, the last one of each level from what is below it.
 */
export class StoredTiles implements TileReader {
  private readonly known = new Map<string, readonly Buffer[]>();
  private readonly full: (level: number, tile: number) => Promise<Uint8Array | null>;
  private readonly leaves: (from: number, to: number) => Promise<readonly Buffer[]>;
  private readonly roots: TileRoots | undefined;

  /** `leaves` gives those from index `from` to before `to`; `roots` are of tiles that need not be read again. */
  constructor(
    full: (level: number, tile: number) => Promise<Uint8Array | null>,
    leaves: (from: number, to: number) => Promise<readonly Buffer[]>,
    roots?: TileRoots,
  ) {
    this.full = full;
    this.leaves = leaves;
    this.roots = roots;
  }

  async hashes(level: number, tile: number, width: number): Promise<readonly Buffer[]> {
    const key = `${level}/${tile}`;
    const known = this.known.get(key);
    if (known !== undefined && known.length >= width) return known.slice(0, width);
    const found = await this.read(level, tile, width);
    if (found.length !== width) throw new Error(`tile ${key} has ${found.length} hashes, and ${width} are needed`);
    this.known.set(key, found);
    return found;
  }

  private async read(level: number, tile: number, width: number): Promise<readonly Buffer[]> {
    if (width === tileWidth) {
      const stored = await this.full(level, tile);
      if (stored !== null) return splitHashes(stored);
    }
    const first = tile * tileWidth;
    if (level === 0) return this.leaves(first, first + width);
    const hashes: Buffer[] = [];
    for (let at = first; at < first + width; at++) hashes.push(await this.rootOfFull(level - 1, at));
    return hashes;
  }

  private async rootOfFull(level: number, tile: number): Promise<Buffer> {
    const known = this.roots?.get(level, tile);
    if (known !== undefined) return known;
    const root = perfectRoot(await this.hashes(level, tile, tileWidth));
    this.roots?.set(level, tile, root);
    return root;
  }
}

export function splitHashes(bytes: Uint8Array): Buffer[] {
  return Array.from({ length: bytes.length / hashBytes }, (_, at) => Buffer.from(bytes.subarray(at * hashBytes, (at + 1) * hashBytes)));
}
