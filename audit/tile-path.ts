import { tileWidth } from './merkle.ts';

/** Tile number `tile` of a level, or the first `width` of what it holds. */
export interface TilePart {
  tile: number;
  width: number;
}

/**
 * Reads what C2SP's tlog-tiles has behind the level: `x001/x234/067` is tile 1,234,067, and with `.p/8` behind it the first 8 of a tile that is not full yet. Null where it
 * is written in any other way, so that each part has one address.
 */
export function readTilePath(path: string): TilePart | null {
  const [, number, partial] = /^((?!x000)(?:x\d{3}\/){0,4}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path) ?? [];
  if (number === undefined) return null;
  const width = partial === undefined ? tileWidth : Number(partial);
  if (partial !== undefined && width >= tileWidth) return null;
  return { tile: Number(number.replaceAll(/[x/]/g, '')), width };
}
